//! `POST /api/route-plans/{id}/dispatch`

use super::driver_body::DriverBody;
use super::plan_body::PlanBody;
use super::precondition;
use crate::application::{DispatchRoute, dispatch_route};
use idp::http::axum::extract::State;
use idp::http::axum::http::StatusCode;
use idp::http::axum::response::IntoResponse;
use idp::http::{Caller, IdText, IfMatch, Json, Operation, Path, Problem, VersionTag};
use idp::prelude::*;
use route_planning_domain::RoutePlanId;

pub(super) fn operation() -> Operation {
    Operation::post("/api/route-plans/{id}/dispatch", "dispatch_route", "Gives a plan to a driver")
        .tag("Route plans")
        .path_parameter::<IdText>("id", "The plan")
        .heeds_if_match()
        .body::<DriverBody>()
        .answers::<PlanBody>(StatusCode::OK, "The plan, now in progress")
        .with_version_tag()
        .problem(StatusCode::NOT_FOUND, "The tenant has no such plan")
        .problem(StatusCode::CONFLICT, "A driver has it or had it: `not_ready`")
}

pub(super) async fn handle(
    State(app): State<Application>,
    Caller(context): Caller,
    Path(plan): Path<RoutePlanId>,
    if_match: IfMatch,
    Json(DriverBody { driver }): Json<DriverBody>,
) -> Result<impl IntoResponse, Problem> {
    let if_match = &if_match;
    let dispatch = move |uow: Uow| async move {
        precondition::check(&uow, plan, if_match).await?;
        dispatch_route(uow, DispatchRoute { plan, driver }).await.map_err(Problem::from)
    };
    let state = app.run(context, dispatch).await?;
    Ok((VersionTag(state.version), Json(PlanBody::of(&state))))
}
