//! Every route of the service.

use super::{
    DevAccess, HttpState, complete_route, create_route_plan, dev_token, dispatch_next_route,
    dispatch_route, get_route_plan, health, list_route_plans, live_board, page,
};
use idp::http::axum::Router;
use idp::http::{Api, Edge};

const TITLE: &str = "Route planning";
const ABOUT: &str = "Route plans are created ready, dispatched to a driver, and completed. Reads \
     show the board, which follows the changes a moment later; what a change answers is as it was \
     committed.";

/// The routes, ready to be served. With development access they also hand out tokens.
pub fn routes(state: HttpState, dev: Option<DevAccess>) -> Router {
    let page = page::routes(dev.as_ref());
    let routes = api().into_router().with_state(state).merge(page);
    Edge::default().wrap(match dev {
        Some(dev) => routes.merge(dev_token::routes(dev)),
        None => routes,
    })
}

fn api() -> Api<HttpState> {
    Api::new(TITLE, env!("CARGO_PKG_VERSION"))
        .describe(ABOUT)
        .route(create_route_plan::operation(), create_route_plan::handle)
        .route(dispatch_route::operation(), dispatch_route::handle)
        .route(dispatch_next_route::operation(), dispatch_next_route::handle)
        .route(complete_route::operation(), complete_route::handle)
        .route(get_route_plan::operation(), get_route_plan::handle)
        .route(list_route_plans::operation(), list_route_plans::handle)
        .route(live_board::operation(), live_board::handle)
        .route(health::alive::operation(), health::alive::handle)
        .route(health::ready::operation(), health::ready::handle)
}
