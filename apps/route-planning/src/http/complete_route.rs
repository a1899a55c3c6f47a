//! `POST /api/route-plans/{id}/complete`

use super::plan_body::PlanBody;
use super::precondition;
use crate::application::{CompleteRoute, complete_route};
use idp::http::axum::extract::State;
use idp::http::axum::http::StatusCode;
use idp::http::axum::response::IntoResponse;
use idp::http::{Caller, IdText, IfMatch, Json, Operation, Path, Problem, VersionTag};
use idp::prelude::*;
use route_planning_domain::RoutePlanId;

pub(super) fn operation() -> Operation {
    Operation::post("/api/route-plans/{id}/complete", "complete_route", "Closes a plan")
        .tag("Route plans")
        .path_parameter::<IdText>("id", "The plan")
        .heeds_if_match()
        .answers::<PlanBody>(StatusCode::OK, "The plan, now done")
        .with_version_tag()
        .problem(StatusCode::NOT_FOUND, "The tenant has no such plan")
        .problem(StatusCode::CONFLICT, "Nobody drives it: `not_in_progress`")
}

pub(super) async fn handle(
    State(app): State<Application>,
    Caller(context): Caller,
    Path(plan): Path<RoutePlanId>,
    if_match: IfMatch,
) -> Result<impl IntoResponse, Problem> {
    let if_match = &if_match;
    let complete = move |uow: Uow| async move {
        precondition::check(&uow, plan, if_match).await?;
        complete_route(uow, CompleteRoute { plan }).await.map_err(Problem::from)
    };
    let state = app.run(context, complete).await?;
    Ok((VersionTag(state.version), Json(PlanBody::of(&state))))
}
