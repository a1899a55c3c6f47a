//! The HTTP edge of idp: the only place that knows status codes.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod edge;
mod request_id;
mod security_headers;
mod trace;

mod problem;
mod translation;
mod validation;

mod body_limit;
mod json;
mod path;
mod query;
mod shape;

mod authentication;

mod if_match;
mod version_tag;

mod live;
mod shutdown;

mod open_api;

pub use authentication::{
    Authenticator, Caller, DevIssuer, InvalidAuthenticator, InvalidKey, VerificationKey,
};
pub use body_limit::BodyLimit;
pub use edge::Edge;
pub use if_match::IfMatch;
pub use json::Json;
pub use live::{LastEventId, LiveEvent, live};
pub use open_api::{Api, IdText, Operation, TimeText};
pub use path::Path;
pub use problem::{FieldFault, Problem};
pub use query::Query;
pub use request_id::RequestId;
pub use security_headers::security_headers;
pub use shutdown::Shutdown;
pub use validation::Validation;
pub use version_tag::VersionTag;

pub use axum;
pub use schemars;
