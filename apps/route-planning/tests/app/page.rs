//! The page: what is sent of it, and what a browser makes of it.

mod browser;

use crate::stores;
use browser::Browser;
use idp::http::axum::http::{Method, StatusCode};
use serde_json::json;

const DRIVER: &str = "01890000-0000-7000-8000-000000000007";

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere_and_nothing_inline() {
    let client = stores::in_memory().await;
    let page = client.anonymous(Method::GET, "/").send().await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let html = page.body.as_str().expect("text");
    assert!(html.contains("data-dev-tenants=\"acme globex\""));
    assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("onclick"));
    let parts = html.split(['"', ' ']).zip(html.split(['"', ' ']).skip(1));
    let parts = parts.filter(|(name, _)| ["href=", "src="].contains(name)).map(|(_, part)| part);
    let parts: Vec<&str> = parts.collect();
    assert_eq!(parts, ["/icon.svg", "/board.css", "/board.js", "/icon.svg", "/docs"]);
    for part in parts {
        let answer = client.anonymous(Method::GET, part).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{part}");
    }
}

#[tokio::test]
async fn the_api_is_described_and_open_only_where_it_says_so() {
    let client = stores::in_memory().await;
    let document = client.anonymous(Method::GET, "/openapi.json").send().await.body;
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 8, "{:?}", paths.keys());
    for path in ["/healthz", "/readyz"] {
        let answer = client.anonymous(Method::GET, path).send().await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{path}");
    }
    for (path, operations) in paths.iter().filter(|(path, _)| path.starts_with("/api/")) {
        for method in operations.as_object().expect("operations").keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let path = path.replace("{id}", "01890000-0000-7000-8000-000000000001");
            let answer = client.anonymous(method.clone(), &path).send().await;
            assert_eq!(answer.problem().0, 401, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn tokens_are_handed_out_in_development_only() {
    use idp::http::axum::body::Body;
    use idp::http::axum::http::Request;
    use tower::ServiceExt;

    let client = stores::in_memory().await;
    let token = client.anonymous(Method::GET, "/dev/token?tenant=acme").send().await;
    assert!(token.body["token"].is_string());
    let production = route_planning::http::routes(client.state.clone(), None);
    let request = Request::get("/dev/token?tenant=acme").body(Body::empty()).expect("a request");
    let answer = production.oneshot(request).await.expect("infallible");
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_shows_the_board_and_follows_it() {
    let client = stores::in_memory().await;
    let one = client.given_plan("monday/1", 0).await;
    client.given_plan("monday/2", 0).await;
    let Some(mut browser) = Browser::open(&client).await else { return };

    let page = browser.sees(|page| page.cards.len() == 2 && page.live == "Live").await;
    assert!(page.cards.iter().all(|card| card.contains("Ready")), "{page:?}");
    assert_eq!((page.routes, page.stops, page.depots), (2, 4, 1));

    let path = format!("/api/route-plans/{}/dispatch", one["id"].as_str().expect("an id"));
    client.post(&path).json(&json!({ "driver": DRIVER })).await;
    let page = browser.sees(|page| page.cards[0].contains("In progress")).await;
    assert!(page.cards[0].contains("monday/1") && page.cards[1].contains("Ready"), "{page:?}");

    // By hand: open the second card, and press its button twice.
    browser.clicks(".card:nth-child(2) .head");
    browser.clicks(".card:nth-child(2) .act button");
    browser.sees(|page| page.cards[1].contains("In progress")).await;
    browser.clicks(".card:nth-child(2) .act button");
    let page = browser.sees(|page| page.cards[1].contains("Done")).await;
    assert!(page.cards[0].contains("In progress"), "{page:?}");

    // The other tenant has nothing; faults of the scripts or the policy would be reported.
    browser.chooses("#tenant", "globex");
    let page = browser.sees(|page| page.cards.is_empty() && page.live == "Live").await;
    assert_eq!((page.routes, page.faults), (0, vec![]));
    browser.close().await;
}
