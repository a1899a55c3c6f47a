//! `POST /api/route-plans`

use super::new_plan_body::NewPlanBody;
use super::plan_body::PlanBody;
use crate::application::{CreateRoutePlan, create_route_plan};
use idp::http::axum::extract::State;
use idp::http::axum::http::{StatusCode, header};
use idp::http::axum::response::IntoResponse;
use idp::http::{Caller, Json, Operation, Problem, VersionTag};
use idp::prelude::*;

pub(super) fn operation() -> Operation {
    Operation::post("/api/route-plans", "create_route_plan", "Plans a new route")
        .tag("Route plans")
        .body::<NewPlanBody>()
        .answers::<PlanBody>(StatusCode::CREATED, "The plan, ready; `Location` says where it is")
        .with_version_tag()
        .problem(StatusCode::CONFLICT, "The tenant has a plan of that reference: `duplicate`")
}

pub(super) async fn handle(
    State(app): State<Application>,
    Caller(context): Caller,
    Json(body): Json<NewPlanBody>,
) -> Result<impl IntoResponse, Problem> {
    let cmd = CreateRoutePlan { plan: body.check()? };
    let state = app.run(context, |uow| create_route_plan(uow, cmd.clone())).await?;
    let location = format!("/api/route-plans/{}", state.plan.id());
    let body = Json(PlanBody::of(&state));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], VersionTag(state.version), body))
}
