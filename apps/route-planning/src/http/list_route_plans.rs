//! `GET /api/route-plans`

use super::board_body::BoardBody;
use super::status_body::StatusBody;
use crate::board::BoardReads;
use idp::application::KeysetToken;
use idp::http::axum::extract::State;
use idp::http::axum::http::StatusCode;
use idp::http::schemars::{self, JsonSchema};
use idp::http::{Caller, Json, Operation, Problem, Query, Validation};
use idp::prelude::*;
use serde::{Deserialize, Serialize};

const LIMIT_MAX: u32 = 200;

/// Which part of the list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only plans with this status.
    status: Option<StatusBody>,
    /// How many at most, from 1 to 200.
    #[serde(default = "limit_usual")]
    limit: u32,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A part of the list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RoutePlanPage")]
pub(super) struct PageBody {
    /// The plans, the most urgent first.
    items: Vec<BoardBody>,
    /// Where the next page starts; null on the last one.
    next: Option<String>,
}

fn limit_usual() -> u32 {
    50
}

pub(super) fn operation() -> Operation {
    Operation::get("/api/route-plans", "list_route_plans", "Lists plans")
        .tag("Board")
        .describe("Pages neither repeat nor hide plans while others come and go.")
        .query::<ListQuery>()
        .answers::<PageBody>(StatusCode::OK, "One page")
}

pub(super) async fn handle(
    State(app): State<Application>,
    Caller(context): Caller,
    Query(ListQuery { status, limit, after }): Query<ListQuery>,
) -> Result<Json<PageBody>, Problem> {
    let mut validation = Validation::default();
    validation.check("limit", (1..=LIMIT_MAX).contains(&limit), || {
        format!("must be within 1..={LIMIT_MAX}, got {limit}")
    });
    validation.finish()?;
    let board = BoardReads::new(app.reads(&context));
    let after = after.map(KeysetToken::from_text);
    let page = board.page(status.map(StatusBody::status), limit, after).await?;
    let items = page.items.iter().map(|row| BoardBody::of(row)).collect();
    Ok(Json(PageBody { items, next: page.next.map(|token| token.to_string()) }))
}
