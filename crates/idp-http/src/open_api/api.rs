//! Routes and their description, in one go: what is routed is described.

use super::docs_page::docs_routes;
use super::document::{About, document};
use super::operation::Operation;
use axum::Router;
use axum::handler::Handler;
use axum::routing::on;
use serde_json::Value;

/// The interface of a service.
///
/// ```
/// use axum::http::StatusCode;
/// use idp_http::{Api, Json, Operation, Path};
///
/// #[derive(serde::Serialize, schemars::JsonSchema)]
/// struct Greeting {
///     text: String,
/// }
///
/// async fn greet(Path(name): Path<String>) -> Json<Greeting> {
///     Json(Greeting { text: format!("Hello {name}") })
/// }
///
/// let api = Api::<()>::new("Greetings", "1.0.0").route(
///     Operation::get("/greetings/{name}", "greet", "Greets somebody")
///         .answers::<Greeting>(StatusCode::OK, "The greeting")
///         .public(),
///     greet,
/// );
/// assert_eq!(api.document()["openapi"], "3.1.0");
/// let routes: axum::Router<()> = api.into_router();
/// ```
pub struct Api<S = ()> {
    about: About,
    operations: Vec<Operation>,
    routes: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// An interface without operations.
    pub fn new(title: impl Into<String>, version: impl Into<String>) -> Self {
        let about = About { title: title.into(), version: version.into(), description: None };
        Self { about, operations: Vec::new(), routes: Router::new() }
    }

    /// Says what the service is for.
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.about.description = Some(description.into());
        self
    }

    /// Adds an operation and its handler.
    ///
    /// # Panics
    /// As axum does, when the path is malformed or has this method already.
    pub fn route<H, T>(mut self, operation: Operation, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.routes = self.routes.route(operation.path, on(operation.filter, handler));
        self.operations.push(operation);
        self
    }

    /// The OpenAPI document.
    pub fn document(&self) -> Value {
        document(&self.about, &self.operations)
    }

    /// The routes of the operations, and those of the documentation: `/openapi.json`, and the page
    /// `/docs` with what it needs. These are public.
    pub fn into_router(self) -> Router<S> {
        let document = self.document();
        self.routes.merge(docs_routes(&document))
    }
}
