//! `GET /api/route-plans/{id}`

use super::board_body::BoardBody;
use crate::board::BoardReads;
use idp::http::axum::extract::State;
use idp::http::axum::http::StatusCode;
use idp::http::axum::response::IntoResponse;
use idp::http::{Caller, IdText, Json, Operation, Path, Problem, VersionTag};
use idp::prelude::*;
use route_planning_domain::RoutePlanId;

pub(super) fn operation() -> Operation {
    Operation::get("/api/route-plans/{id}", "get_route_plan", "Shows a plan")
        .tag("Board")
        .path_parameter::<IdText>("id", "The plan")
        .answers::<BoardBody>(StatusCode::OK, "The plan, as the board shows it")
        .with_version_tag()
        .problem(StatusCode::NOT_FOUND, "The board of the tenant does not show such a plan")
}

pub(super) async fn handle(
    State(app): State<Application>,
    Caller(context): Caller,
    Path(plan): Path<RoutePlanId>,
) -> Result<impl IntoResponse, Problem> {
    let row = BoardReads::new(app.reads(&context)).get(plan).await?;
    Ok((VersionTag(row.plan_version), Json(BoardBody::of(&row))))
}
