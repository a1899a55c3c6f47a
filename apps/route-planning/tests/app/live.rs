//! The live board, on every store.

use crate::client::Client;
use crate::stores::on_every_store;
use idp::http::axum::http::Method;
use serde_json::json;

const LIVE: &str = "/api/board/live";
const DRIVER: &str = "01890000-0000-7000-8000-000000000007";

on_every_store!(
    a_follower_sees_the_board_and_then_each_change,
    a_follower_who_comes_back_gets_what_it_missed,
    a_follower_sees_nothing_of_other_tenants,
    a_follower_sees_what_the_projector_of_another_process_does,
    the_stream_ends_when_the_service_stops,
);

async fn dispatch(client: &Client, plan: &serde_json::Value) -> serde_json::Value {
    let path = format!("/api/route-plans/{}/dispatch", plan["id"].as_str().expect("an id"));
    client.post(&path).json(&json!({ "driver": DRIVER })).await.body
}

async fn a_follower_sees_the_board_and_then_each_change(client: Client) {
    let one = client.given_plan("monday/1", 0).await;
    client.given_plan("monday/2", 0).await;
    let mut events = client.get(LIVE).follow().await;
    for expected in ["monday/1", "monday/2"] {
        let (_, plan) = events.next().await.expect("an event");
        assert_eq!((&plan["reference"], &plan["status"]), (&json!(expected), &json!("ready")));
    }
    dispatch(&client, &one).await;
    let (_, plan) = events.next().await.expect("an event");
    assert_eq!((&plan["id"], &plan["status"]), (&one["id"], &json!("in_progress")));
    assert_eq!((&plan["version"], &plan["stops"]), (&json!(2), &one["stops"]));
}

async fn a_follower_who_comes_back_gets_what_it_missed(client: Client) {
    let one = client.given_plan("monday/1", 0).await;
    let mut events = client.get(LIVE).follow().await;
    let (last, _) = events.next().await.expect("an event");
    drop(events);
    let dispatched = dispatch(&client, &one).await;
    client.board_shows(&dispatched).await;
    client.given_plan("monday/2", 0).await;
    let mut events = client.get(LIVE).header("last-event-id", &last).follow().await;
    for (expected, status) in [("monday/1", "in_progress"), ("monday/2", "ready")] {
        let (id, plan) = events.next().await.expect("an event");
        assert_eq!((&plan["reference"], &plan["status"]), (&json!(expected), &json!(status)));
        assert!(id.parse::<i64>().expect("a number") > last.parse().expect("a number"));
    }
    let nonsense = client.get(LIVE).header("last-event-id", "yesterday").send().await;
    assert_eq!(nonsense.problem(), (400, "malformed_last_event_id"));
}

async fn a_follower_sees_nothing_of_other_tenants(client: Client) {
    let mut events = client.of("globex", Method::GET, LIVE).follow().await;
    client.given_plan("monday/1", 0).await;
    let theirs = client.of("globex", Method::POST, "/api/route-plans");
    theirs.json(&crate::client::new_plan("theirs", 0)).await;
    let (_, plan) = events.next().await.expect("an event");
    assert_eq!(plan["reference"], "theirs");
}

async fn a_follower_sees_what_the_projector_of_another_process_does(client: Client) {
    let client = client.in_another_process();
    let mut events = client.get(LIVE).follow().await;
    client.given_plan("monday/1", 0).await;
    let (_, plan) = events.next().await.expect("an event");
    assert_eq!(plan["reference"], "monday/1");
}

async fn the_stream_ends_when_the_service_stops(client: Client) {
    client.given_plan("monday/1", 0).await;
    let mut events = client.get(LIVE).follow().await;
    events.next().await.expect("an event");
    client.state.shutdown.begin();
    assert_eq!(events.next().await, None);
    let ready = client.anonymous(Method::GET, "/readyz").send().await;
    assert_eq!(ready.problem(), (503, "stopping"));
}
