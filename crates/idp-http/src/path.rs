//! The parameters in the path of a request, strict.

use crate::{FieldFault, Problem};
use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// The parameters of the path as a `T`. A parameter that cannot be a `T` is refused with 400,
/// naming what was expected.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(problem(rejection)),
        }
    }
}

fn problem(rejection: PathRejection) -> Problem {
    let kind = match rejection {
        PathRejection::FailedToDeserializePathParams(error) => error.into_kind(),
        other => {
            tracing::error!(error = %other, "the route has no such path parameters");
            return Problem::internal();
        }
    };
    let (field, message) = match kind {
        ErrorKind::ParseErrorAtKey { key, value, expected_type } => {
            (key, format!("expected {expected_type}, got {value:?}"))
        }
        ErrorKind::ParseErrorAtIndex { index, value, expected_type } => {
            (format!("parameter {}", index + 1), format!("expected {expected_type}, got {value:?}"))
        }
        ErrorKind::ParseError { value, expected_type } => {
            (String::new(), format!("expected {expected_type}, got {value:?}"))
        }
        ErrorKind::DeserializeError { key, value, message } => {
            (key, format!("{message}, got {value:?}"))
        }
        ErrorKind::InvalidUtf8InPathParam { key } => (key, "expected UTF-8".to_string()),
        ErrorKind::Message(message) => (String::new(), message),
        other => {
            tracing::error!(error = %other, "the route and its handler disagree");
            return Problem::internal();
        }
    };
    let detail = "The path does not have the expected form";
    Problem::bad_request("invalid_path", detail).with_faults([FieldFault { field, message }])
}
