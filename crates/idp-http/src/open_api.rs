//! The description of the interface (OpenAPI 3.1), made from the same values that make the routes.

mod api;
mod components;
mod docs_page;
mod document;
mod operation;
mod text_schema;

pub use api::Api;
pub use operation::Operation;
pub use text_schema::{IdText, TimeText};
