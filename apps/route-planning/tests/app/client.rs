//! A client of the service, without a network in between.

use futures_util::StreamExt;
use idp::application::{Backend, CommitSignal};
use idp::http::axum::Router;
use idp::http::axum::body::{Body, BodyDataStream};
use idp::http::axum::http::{HeaderMap, Method, Request, StatusCode};
use idp::http::{DevIssuer, Shutdown};
use idp::prelude::*;
use idp::projection::ProjectorHandle;
use route_planning::bootstrap::Core;
use route_planning::http::{DevAccess, HttpState, routes};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

const WAIT_MAX: Duration = Duration::from_secs(20);

/// The routes of a service whose projector runs, and tokens for it.
pub(crate) struct Client {
    pub(crate) state: HttpState,
    pub(crate) routes: Router,
    dev: DevAccess,
    projector: ProjectorHandle,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) async fn over(backend: Arc<dyn Backend>) -> Self {
        let core = Core::over(backend).await.expect("the tables can be made");
        let projector = core.start_projector().expect("the configuration is sound");
        let tenants = ["acme", "globex"].map(|name| TenantId::new(name).expect("a tenant"));
        let dev = DevAccess::new(DevIssuer::default(), tenants.into());
        let shutdown = Shutdown::default();
        let state = HttpState {
            app: core.app.clone(),
            authenticator: dev.issuer().authenticator(),
            board_changed: projector.updated().clone(),
            shutdown: shutdown.clone(),
        };
        let routes = routes(state.clone(), Some(dev.clone()));
        Self { state, routes, dev, projector }
    }

    /// The same service without the projector, as another process of it would be.
    pub(crate) fn in_another_process(self) -> Self {
        let state = HttpState { board_changed: CommitSignal::default(), ..self.state };
        let routes = routes(state.clone(), Some(self.dev.clone()));
        Self { state, routes, ..self }
    }

    /// A request of somebody of that tenant.
    pub(crate) fn of(&self, tenant: &str, method: Method, path: &str) -> Call<'_> {
        let tenant = TenantId::new(tenant).expect("a tenant");
        let token = format!("Bearer {}", self.dev.token(&tenant));
        self.anonymous(method, path).header("authorization", &token)
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.of("acme", Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call<'_> {
        self.of("acme", Method::POST, path)
    }

    pub(crate) fn anonymous(&self, method: Method, path: &str) -> Call<'_> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("a path");
        Call { client: self, request }
    }

    /// A plan that is there, and on the board.
    pub(crate) async fn given_plan(&self, reference: &str, priority: i32) -> Value {
        let created = self.post("/api/route-plans").json(&new_plan(reference, priority)).await;
        assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
        self.board_shows(&created.body).await;
        created.body
    }

    /// What the board shows of the plan, once it shows that version.
    pub(crate) async fn board_shows(&self, plan: &Value) -> Answer {
        let caught_up = tokio::time::timeout(WAIT_MAX, self.projector.caught_up()).await;
        caught_up.expect("the board follows").expect("the projector runs");
        let path = format!("/api/route-plans/{}", plan["id"].as_str().expect("an id"));
        let answer = self.get(&path).send().await;
        assert_eq!(answer.body["version"], plan["version"], "{answer:?}");
        answer
    }
}

/// A request in the making.
pub(crate) struct Call<'c> {
    client: &'c Client,
    request: Request<Body>,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().insert(name, value.parse().expect("a header"));
        self
    }

    pub(crate) async fn json(mut self, body: &Value) -> Answer {
        *self.request.body_mut() = Body::from(body.to_string());
        self.header("content-type", "application/json").send().await
    }

    pub(crate) async fn send(self) -> Answer {
        let response = self.client.routes.clone().oneshot(self.request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = idp::http::axum::body::to_bytes(body, usize::MAX).await.expect("a whole body");
        let text = String::from_utf8(bytes.into()).expect("text");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Opens a stream of events.
    pub(crate) async fn follow(self) -> Events {
        let response = self.client.routes.clone().oneshot(self.request).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { body: response.into_body().into_data_stream(), rest: String::new() }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }

    /// The status and the code of a problem.
    pub(crate) fn problem(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        (self.status.as_u16(), self.body["code"].as_str().expect("a code"))
    }
}

/// An open stream of events.
pub(crate) struct Events {
    body: BodyDataStream,
    rest: String,
}

impl Events {
    /// The id and the data of the next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.rest = rest;
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name));
                    line.map(str::trim).map(str::to_owned)
                };
                let Some(data) = field("data:") else { continue };
                assert_eq!(field("event:").as_deref(), Some("plan"));
                let data = serde_json::from_str(&data).expect("JSON");
                return Some((field("id:").expect("an id"), data));
            }
            let chunk = tokio::time::timeout(WAIT_MAX, self.body.next()).await;
            let chunk = chunk.expect("an event comes")?.expect("a whole chunk");
            self.rest.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }
}

/// A plan of two stops, as clients send it.
pub(crate) fn new_plan(reference: &str, priority: i32) -> Value {
    json!({
        "reference": reference,
        "depot": { "x": 0.0, "y": 0.0 },
        "stops": [
            { "customer": 1, "location": { "x": 3.0, "y": 0.0 }, "demand": 4 },
            { "customer": 2, "location": { "x": 3.0, "y": 4.0 }, "demand": 5,
              "window": { "ready_tenths": 0, "due_tenths": 900, "service_tenths": 10 } },
        ],
        "capacity": 10,
        "cost_tenths": 120,
        "priority": priority,
    })
}
