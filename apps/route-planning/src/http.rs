//! The HTTP edge: one file an endpoint, each with what describes it and what handles it.

mod routes;
mod state;

mod complete_route;
mod create_route_plan;
mod dispatch_next_route;
mod dispatch_route;
mod get_route_plan;
mod list_route_plans;
mod live_board;

mod board_body;
mod driver_body;
mod new_plan_body;
mod plan_body;
mod precondition;
mod status_body;
mod stop_body;

mod dev_token;
mod health;
mod page;

pub use dev_token::DevAccess;
pub use routes::routes;
pub use state::HttpState;
