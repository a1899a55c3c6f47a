//! The page at `/` and its parts. Everything is in the binary; nothing comes from elsewhere.

use super::DevAccess;
use idp::http::axum::Router;
use idp::http::axum::http::header;
use idp::http::axum::routing::get;
use std::borrow::Cow;

const INDEX: &str = include_str!("../../static/index.html");
const NO_TENANTS: &str = "data-dev-tenants=\"\"";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const PARTS: [(&str, &str, &str); 6] = [
    ("/board.css", "text/css; charset=utf-8", include_str!("../../static/board.css")),
    ("/board.js", SCRIPT, include_str!("../../static/board.js")),
    ("/cards.js", SCRIPT, include_str!("../../static/cards.js")),
    ("/live.js", SCRIPT, include_str!("../../static/live.js")),
    ("/plot.js", SCRIPT, include_str!("../../static/plot.js")),
    ("/icon.svg", "image/svg+xml", include_str!("../../static/icon.svg")),
];

/// The page. In development it offers the tenants; else it asks for a token.
pub(super) fn routes(dev: Option<&DevAccess>) -> Router {
    let index = match dev {
        Some(dev) => Cow::Owned(INDEX.replace(NO_TENANTS, &tenants(dev))),
        None => Cow::Borrowed(INDEX),
    };
    let parts = PARTS.into_iter().map(|(path, kind, text)| (path, kind, Cow::Borrowed(text)));
    parts.chain([("/", HTML, index)]).fold(Router::new(), |router, (path, kind, text)| {
        let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
        router.route(path, get(async move || (headers, text)))
    })
}

/// The names need no escaping: a tenant has none of the characters that HTML minds.
fn tenants(dev: &DevAccess) -> String {
    let names: Vec<&str> = dev.tenants().iter().map(|tenant| tenant.as_str()).collect();
    format!("data-dev-tenants=\"{}\"", names.join(" "))
}
