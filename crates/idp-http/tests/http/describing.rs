//! The OpenAPI document of a small service, and the page that shows it.

use crate::client::{Answer, get, send};
use axum::Router;
use axum::http::StatusCode;
use idp_http::{Api, IdText, IfMatch, Json, Operation, Path, Problem, Query, TimeText, VersionTag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A plan to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPlan {
    /// What people call it.
    name: String,
    #[serde(default)]
    priority: i32,
}

#[derive(Serialize, JsonSchema)]
struct Plan {
    #[schemars(with = "IdText")]
    id: String,
    name: String,
    #[schemars(with = "TimeText")]
    planned_at: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// How many at most.
    size: Option<u32>,
}

fn plan(name: String) -> Json<Plan> {
    let planned_at = "2027-01-15T08:00:00Z".to_owned();
    Json(Plan { id: "00000000-0000-0000-0000-000000000001".to_owned(), name, planned_at })
}

fn api() -> Api {
    let create = Operation::post("/plans", "create_plan", "Makes a plan")
        .tag("plans")
        .body::<NewPlan>()
        .answers::<Plan>(StatusCode::CREATED, "The plan")
        .with_version_tag()
        .problem(StatusCode::CONFLICT, "the name is taken");
    let list = Operation::get("/plans", "list_plans", "Lists plans")
        .query::<Filter>()
        .answers::<Vec<Plan>>(StatusCode::OK, "The plans")
        .public();
    let rename = Operation::put("/plans/{id}", "rename_plan", "Renames a plan")
        .path_parameter::<IdText>("id", "The plan")
        .demands_if_match()
        .body::<NewPlan>()
        .answers_empty(StatusCode::NO_CONTENT, "Renamed");
    Api::new("Plans", "1.2.3")
        .describe("Plans and nothing else")
        .route(create, async |Json(new): Json<NewPlan>| {
            (StatusCode::CREATED, VersionTag(i64::from(new.priority)), plan(new.name))
        })
        .route(list, async |Query(filter): Query<Filter>| Json(filter.size))
        .route(rename, renamed)
}

async fn renamed(
    Path(_id): Path<String>,
    precondition: IfMatch,
    Json(_): Json<NewPlan>,
) -> Result<StatusCode, Problem> {
    precondition.require()?.check(1)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn fetch(path: &str) -> Answer {
    let routes: Router = api().into_router();
    send(routes, get(path).body("").expect("a request")).await
}

#[tokio::test]
async fn what_is_described_is_routed() {
    let routes: Router = api().into_router();
    let request = crate::client::post("/plans").body(r#"{"name":"north","priority":3}"#).unwrap();
    let answer = send(routes, request).await;
    assert_eq!((answer.status, answer.header("etag")), (StatusCode::CREATED, Some("\"v3\"")));
    assert_eq!(fetch("/plans?size=7").await.text, "7");
}

#[tokio::test]
async fn the_document_describes_what_is_taken_and_answered() {
    let document = fetch("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Plans");
    let create = &document["paths"]["/plans"]["post"];
    let body = &create["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["$ref"], "#/components/schemas/NewPlan");
    let created = &create["responses"]["201"];
    assert_eq!(
        created["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/Plan"
    );
    assert!(created["headers"]["ETag"].is_object());

    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["NewPlan"]["description"], "A plan to be made.");
    assert_eq!(schemas["NewPlan"]["additionalProperties"], false);
    assert_eq!(schemas["NewPlan"]["required"], json!(["name"]));
    assert_eq!(schemas["NewPlan"]["properties"]["name"]["description"], "What people call it.");
    assert_eq!(schemas["Plan"]["properties"]["id"]["format"], "uuid");
    assert_eq!(schemas["Plan"]["properties"]["planned_at"]["format"], "date-time");
    assert_eq!(
        schemas["Problem"]["required"],
        json!(["type", "title", "status", "detail", "code"])
    );
    assert!(schemas["FieldFault"].is_object());
}

#[tokio::test]
async fn the_problems_of_an_operation_follow_from_what_it_takes() {
    let document = fetch("/openapi.json").await.json();
    let responses = |path: &str, method: &str| -> Vec<String> {
        let responses = document["paths"][path][method]["responses"].as_object();
        responses.expect("responses").keys().cloned().collect()
    };
    let create = ["201", "400", "401", "403", "409", "413", "415", "422", "default"];
    assert_eq!(responses("/plans", "post"), create);
    assert_eq!(responses("/plans", "get"), ["200", "400", "default"]);
    let rename = ["204", "400", "401", "403", "412", "413", "415", "422", "428", "default"];
    assert_eq!(responses("/plans/{id}", "put"), rename);
    let conflict = &document["paths"]["/plans"]["post"]["responses"]["409"];
    assert_eq!(conflict["description"], "The name is taken");
    let schema = &conflict["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(schema, "#/components/schemas/Problem");
}

#[tokio::test]
async fn parameters_and_security_are_described() {
    let document = fetch("/openapi.json").await.json();
    let parameters = |path: &str, method: &str| -> Vec<(String, String, bool)> {
        let parameters = document["paths"][path][method]["parameters"].as_array();
        let described = |p: &Value| {
            let text = |member: &str| p[member].as_str().expect("a text").to_owned();
            (text("name"), text("in"), p["required"].as_bool().expect("stated"))
        };
        parameters.expect("parameters").iter().map(described).collect()
    };
    let owned = |name: &str, place: &str, required| (name.to_owned(), place.to_owned(), required);
    assert_eq!(parameters("/plans", "get"), [owned("size", "query", false)]);
    let size = &document["paths"]["/plans"]["get"]["parameters"][0];
    assert_eq!(size["description"], "How many at most.");
    assert_eq!(size["schema"]["type"], "integer", "a parameter cannot be null");
    assert_eq!(
        parameters("/plans/{id}", "put"),
        [
            owned("id", "path", true),
            owned("If-Match", "header", true),
            owned("X-Tenant", "header", false)
        ]
    );
    assert_eq!(document["paths"]["/plans"]["post"]["security"], json!([{ "bearer": [] }]));
    assert!(document["paths"]["/plans"]["get"].get("security").is_none());
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = fetch("/openapi.json").await.json();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("inside of the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_page_needs_nothing_from_outside_and_nothing_inline() {
    let page = fetch("/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        !page.text.contains("http:") && !page.text.contains("https:") && !page.text.contains("//")
    );
    assert!(
        !page.text.contains("style=")
            && !page.text.contains("<style")
            && !page.text.contains(" on")
    );
    for (link, media_type) in [
        ("docs.js", "text/javascript; charset=utf-8"),
        ("docs.css", "text/css; charset=utf-8"),
        ("openapi.json", "application/json"),
    ] {
        assert!(page.text.contains(&format!("\"{link}\"")), "{link} is used");
        assert_eq!(fetch(&format!("/{link}")).await.header("content-type"), Some(media_type));
    }
    let script = fetch("/docs.js").await.text;
    assert!(!script.contains("innerHTML") && !script.contains("eval("));
}
