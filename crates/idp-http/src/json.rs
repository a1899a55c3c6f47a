//! JSON in and out, strict on the way in.

use crate::{BodyLimit, Problem, shape};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A JSON body.
///
/// A request is refused with a problem when its media type is not JSON (415), its body exceeds the
/// [`BodyLimit`] (413), is not JSON (400, with line and column), or does not have the shape of `T`
/// (422, naming the field and what was expected). Reading stops at the first fault of the shape;
/// what is wrong with values is better collected with [`Validation`](crate::Validation). Give `T`
/// the attribute `#[serde(deny_unknown_fields)]`, or misspelt fields pass unnoticed.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "The body must be JSON, with `content-type: application/json`";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "unsupported_media_type", detail));
        }
        let limit = request.extensions().get::<BodyLimit>().copied().unwrap_or_default();
        parse(&read(request.into_body(), limit).await?).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The whole body, if it keeps the limit.
pub(crate) async fn read(body: Body, limit: BodyLimit) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, limit.get()).await.map_err(|error| {
        if is_too_large(&error) {
            let detail = format!("The body may have at most {} bytes", limit.get());
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
        } else {
            tracing::debug!(%error, "the body of the request ended early");
            Problem::bad_request("body_incomplete", "The body ended before it was complete")
        }
    })
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    let structured = media_type.strip_prefix("application/");
    structured.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let is_shape = error.inner().classify() == serde_json::error::Category::Data;
        if is_shape { wrong_shape(&error) } else { malformed(error.inner()) }
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::bad_request("malformed_json", format!("The body is not JSON: {error}"))
}

fn wrong_shape(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let detail = "The body does not have the expected shape";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail)
        .with_faults([shape::fault(error.path(), error.inner().to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Plan {
        name: String,
        #[serde(default)]
        stops: Vec<Stop>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Stop {
        demand: u32,
    }

    fn refused(text: &str) -> Problem {
        parse::<Plan>(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn what_is_not_json_is_located_by_line_and_column() {
        for text in ["", "{\"name\":", "{\n \"name\": oops}", "{\"name\": \"a\"} x"] {
            let problem = refused(text);
            assert_eq!((problem.status().as_u16(), problem.code()), (400, "malformed_json"));
            assert!(problem.detail().contains("line") && problem.detail().contains("column"));
        }
        assert!(refused("{\n \"name\": oops}").detail().contains("line 2 column 10"));
    }

    #[test]
    fn a_fault_of_the_shape_names_the_field_and_what_was_expected() {
        let table = [
            (r#"{"name": 7}"#, "name", "expected a string"),
            (r#"{"name": "a", "nmae": 1}"#, "nmae", "unknown field `nmae`, expected `name`"),
            (
                r#"{"name": "a", "stops": [{"demand": 1}, {"demand": -1}]}"#,
                "stops[1].demand",
                "u32",
            ),
            (r#"{"stops": []}"#, "name", "missing field `name`"),
            (r#"{"name": "a", "name": "b"}"#, "name", "duplicate field"),
            (r#"{"name": "a", "stops": [{}]}"#, "stops[0].demand", "missing field `demand`"),
            ("7", "", "expected struct Plan"),
        ];
        for (text, field, expected) in table {
            let problem = refused(text);
            assert_eq!(
                (problem.status().as_u16(), problem.code()),
                (422, "invalid_body"),
                "{text}"
            );
            let fault = &problem.faults()[0];
            assert_eq!(fault.field, field, "{text}: {fault:?}");
            assert!(fault.message.contains(expected), "{text}: {fault:?}");
        }
    }

    #[test]
    fn only_json_media_types_are_json() {
        let is_json = |value: &str| {
            is_json(&HeaderMap::from_iter([(
                header::CONTENT_TYPE,
                value.parse().expect("a header value"),
            )]))
        };
        for value in ["application/json", "Application/JSON; charset=utf-8", "application/x+json"] {
            assert!(is_json(value), "{value}");
        }
        for value in ["text/plain", "application/jsonp", "application/x-www-form-urlencoded", ""] {
            assert!(!is_json(value), "{value}");
        }
    }
}
