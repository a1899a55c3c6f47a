//! The API over HTTP, on every store.

use crate::client::{Client, new_plan};
use crate::stores::on_every_store;
use idp::http::axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DRIVER: &str = "01890000-0000-7000-8000-000000000007";

on_every_store!(
    a_plan_is_created_dispatched_and_completed,
    the_answer_to_a_change_is_as_it_was_committed,
    a_plan_of_another_tenant_is_like_one_that_does_not_exist,
    a_stale_version_is_refused_and_changes_nothing,
    a_refusal_of_the_domain_is_a_conflict_with_its_code,
    a_reference_that_is_taken_is_a_conflict,
    pages_show_every_plan_once_while_others_come,
    a_list_shows_one_status,
    the_next_driver_gets_the_most_urgent_plan,
    all_faults_of_a_plan_are_told_at_once,
);

fn path(plan: &Value, rest: &str) -> String {
    format!("/api/route-plans/{}{rest}", plan["id"].as_str().expect("an id"))
}

async fn a_plan_is_created_dispatched_and_completed(client: Client) {
    let plan = client.given_plan("monday/1", 3).await;
    assert_eq!((&plan["status"], &plan["load"]), (&json!("ready"), &json!(9)));
    let dispatch = client.post(&path(&plan, "/dispatch"));
    let dispatched = dispatch.json(&json!({ "driver": DRIVER })).await;
    assert_eq!(dispatched.status, StatusCode::OK, "{dispatched:?}");
    let completed = client.post(&path(&plan, "/complete")).send().await;
    assert_eq!(completed.status, StatusCode::OK, "{completed:?}");
    let shown = client.board_shows(&completed.body).await;
    assert_eq!(shown.header("etag"), "\"v3\"");
    assert_eq!((&shown.body["status"], &shown.body["driver"]), (&json!("done"), &json!(DRIVER)));
    assert_eq!(shown.body["stops"], plan["stops"]);
    for time in ["planned_at", "dispatched_at", "completed_at"] {
        assert!(shown.body[time].is_string(), "{time}: {shown:?}");
    }
}

async fn the_answer_to_a_change_is_as_it_was_committed(client: Client) {
    let created = client.post("/api/route-plans").json(&new_plan("monday/1", 3)).await;
    assert_eq!(created.header("etag"), "\"v1\"");
    assert_eq!(created.header("location"), path(&created.body, ""));
    let dispatch = client.post(&path(&created.body, "/dispatch"));
    let dispatched = dispatch.json(&json!({ "driver": DRIVER })).await;
    assert_eq!(dispatched.header("etag"), "\"v2\"");
    assert_eq!(dispatched.body["version"], 2);
    assert_eq!(dispatched.body["status"], "in_progress");
    assert_eq!(dispatched.body["stops"], created.body["stops"]);
}

async fn a_plan_of_another_tenant_is_like_one_that_does_not_exist(client: Client) {
    let plan = client.given_plan("monday/1", 0).await;
    let nobodys = json!({ "id": "01890000-0000-7000-8000-00000000dead" });
    for (method, rest, body) in [
        (Method::GET, "", None),
        (Method::POST, "/dispatch", Some(json!({ "driver": DRIVER }))),
        (Method::POST, "/complete", None),
    ] {
        let mut answers = Vec::new();
        for id in [&plan, &nobodys] {
            let call = client.of("globex", method.clone(), &path(id, rest));
            let answer = match &body {
                Some(body) => call.json(body).await,
                None => call.send().await,
            };
            assert_eq!(answer.problem(), (404, "not_found"), "{rest}");
            // Nothing but the id that was asked for tells the two apart.
            let id = id["id"].as_str().expect("an id");
            answers.push(answer.body["detail"].to_string().replace(id, "ID"));
        }
        assert_eq!(answers[0], answers[1], "{rest}");
    }
    let list = client.of("globex", Method::GET, "/api/route-plans").send().await;
    assert_eq!(list.body["items"], json!([]));
    assert_eq!(client.board_shows(&plan).await.body["status"], "ready");
}

async fn a_stale_version_is_refused_and_changes_nothing(client: Client) {
    let plan = client.given_plan("monday/1", 0).await;
    let dispatch = |tag: &'static str| {
        let call = client.post(&path(&plan, "/dispatch")).header("if-match", tag);
        async move { call.json(&json!({ "driver": DRIVER })).await }
    };
    assert_eq!(dispatch("\"v7\"").await.problem(), (412, "precondition_failed"));
    assert_eq!(dispatch("v1").await.problem(), (400, "malformed_if_match"));
    assert_eq!(dispatch("\"v1\"").await.header("etag"), "\"v2\"");
    let complete = client.post(&path(&plan, "/complete")).header("if-match", "\"v1\"");
    assert_eq!(complete.send().await.problem(), (412, "precondition_failed"));
    let complete = client.post(&path(&plan, "/complete")).header("if-match", "\"v2\"");
    assert_eq!(complete.send().await.status, StatusCode::OK);
}

async fn a_refusal_of_the_domain_is_a_conflict_with_its_code(client: Client) {
    let plan = client.given_plan("monday/1", 0).await;
    let complete = client.post(&path(&plan, "/complete")).send().await;
    assert_eq!(complete.problem(), (409, "not_in_progress"));
    let detail = "only a plan in progress can be completed; this one is ready";
    assert_eq!(complete.body["detail"], detail);
}

async fn a_reference_that_is_taken_is_a_conflict(client: Client) {
    client.given_plan("monday/1", 0).await;
    let again = client.post("/api/route-plans").json(&new_plan("monday/1", 0)).await;
    assert_eq!(again.problem(), (409, "duplicate"));
    let other = client.of("globex", Method::POST, "/api/route-plans");
    assert_eq!(other.json(&new_plan("monday/1", 0)).await.status, StatusCode::CREATED);
}

async fn pages_show_every_plan_once_while_others_come(client: Client) {
    for number in 0..7 {
        client.given_plan(&format!("monday/{number}"), number % 3).await;
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/route-plans?limit=2{after}")).send().await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        let items = page.body["items"].as_array().expect("items");
        assert!((1..=2).contains(&items.len()));
        seen.extend(items.iter().map(|item| item["reference"].as_str().expect("text").to_owned()));
        let Some(next) = page.body["next"].as_str() else { break };
        after = format!("&after={next}");
        client.given_plan(&format!("new/{}", seen.len()), 9).await; // In front of all that was seen.
    }
    let expected = [2, 5, 1, 4, 0, 3, 6].map(|number| format!("monday/{number}"));
    assert_eq!(seen, expected);
    for (query, problem) in [
        ("limit=0", (422, "validation_failed")),
        ("limit=201", (422, "validation_failed")),
        ("limit=many", (400, "invalid_query")),
        ("status=lost", (400, "invalid_query")),
        ("offset=3", (400, "invalid_query")),
        ("after=00", (422, "invalid")),
    ] {
        let answer = client.get(&format!("/api/route-plans?{query}")).send().await;
        assert_eq!(answer.problem(), problem, "{query}");
    }
}

async fn a_list_shows_one_status(client: Client) {
    let plan = client.given_plan("monday/1", 0).await;
    client.given_plan("monday/2", 0).await;
    let dispatch = client.post(&path(&plan, "/dispatch"));
    let dispatched = dispatch.json(&json!({ "driver": DRIVER })).await;
    client.board_shows(&dispatched.body).await;
    for (status, expected) in
        [("ready", vec!["monday/2"]), ("in_progress", vec!["monday/1"]), ("done", vec![])]
    {
        let page = client.get(&format!("/api/route-plans?status={status}")).send().await;
        let items = page.body["items"].as_array().expect("items");
        let references: Vec<_> = items.iter().map(|item| item["reference"].clone()).collect();
        assert_eq!(references, expected, "{status}");
    }
}

async fn the_next_driver_gets_the_most_urgent_plan(client: Client) {
    for (reference, priority) in [("low", 1), ("high", 9)] {
        client.given_plan(reference, priority).await;
    }
    let mut got = BTreeSet::new();
    for expected in ["high", "low"] {
        let next = client.post("/api/dispatch-next").json(&json!({ "driver": DRIVER })).await;
        assert_eq!(next.body["reference"], expected, "{next:?}");
        got.insert(next.body["id"].to_string());
    }
    assert_eq!(got.len(), 2);
    let none = client.post("/api/dispatch-next").json(&json!({ "driver": DRIVER })).await;
    assert_eq!(none.status, StatusCode::NO_CONTENT);
}

async fn all_faults_of_a_plan_are_told_at_once(client: Client) {
    let mut plan = new_plan("", 0);
    plan["cost_tenths"] = json!(-1);
    plan["capacity"] = json!(3);
    plan["stops"][1]["customer"] = json!(1);
    plan["stops"][1]["window"]["due_tenths"] = json!(-5);
    let refused = client.post("/api/route-plans").json(&plan).await;
    assert_eq!(refused.problem(), (422, "validation_failed"));
    let faults = refused.body["errors"].as_array().expect("faults");
    let fields: Vec<_> = faults.iter().map(|fault| fault["field"].as_str()).collect();
    let expected = ["reference", "cost_tenths", "capacity", "stops[1].customer", "stops[1].window"];
    assert_eq!(fields, expected.map(Some));
    let mut misspelt = new_plan("monday/1", 0);
    misspelt["prio"] = json!(1);
    let refused = client.post("/api/route-plans").json(&misspelt).await;
    assert_eq!(refused.problem(), (422, "invalid_body"));
    assert_eq!(refused.body["errors"][0]["field"], "prio");
}
