//! `POST /api/dispatch-next`

use super::driver_body::DriverBody;
use super::plan_body::PlanBody;
use crate::application::{DispatchNextRoute, dispatch_next_route};
use idp::http::axum::extract::State;
use idp::http::axum::http::StatusCode;
use idp::http::axum::response::{IntoResponse, Response};
use idp::http::{Caller, Json, Operation, Problem, VersionTag};
use idp::prelude::*;

pub(super) fn operation() -> Operation {
    Operation::post("/api/dispatch-next", "dispatch_next_route", "Gives a driver the next plan")
        .tag("Route plans")
        .describe("The most urgent plan that is ready. No two drivers get the same one.")
        .body::<DriverBody>()
        .answers::<PlanBody>(StatusCode::OK, "The plan that the driver got")
        .with_version_tag()
        .answers_empty(StatusCode::NO_CONTENT, "Nothing is ready")
}

pub(super) async fn handle(
    State(app): State<Application>,
    Caller(context): Caller,
    Json(DriverBody { driver }): Json<DriverBody>,
) -> Result<Response, Problem> {
    let cmd = DispatchNextRoute { driver };
    let state = app.run(context, |uow| dispatch_next_route(uow, cmd)).await?;
    Ok(match state {
        Some(state) => (VersionTag(state.version), Json(PlanBody::of(&state))).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}
