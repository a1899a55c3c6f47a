//! The query string of a request, strict.

use crate::{Problem, shape};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// The query string as a `T`. A request whose query string does not have the shape of `T` is
/// refused with 400, naming the parameter and what was expected. Give `T` the attribute
/// `#[serde(deny_unknown_fields)]`, or misspelt parameters pass unnoticed.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let reader = serde_urlencoded::Deserializer::new(pairs);
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let detail = "The query string does not have the expected parameters";
        Problem::bad_request("invalid_query", detail)
            .with_faults([shape::fault(error.path(), error.inner().to_string())])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct List {
        status: Option<String>,
        size: Option<u32>,
    }

    #[test]
    fn parameters_are_read_by_their_type() {
        let list: List = parse("status=in%20progress&size=7").expect("well formed");
        assert_eq!((list.status.as_deref(), list.size), (Some("in progress"), Some(7)));
        assert!(parse::<List>("").expect("all are optional").size.is_none());
    }

    #[test]
    fn a_wrong_parameter_is_named_with_what_was_expected() {
        let table = [
            ("size=many", "size", "invalid digit"),
            ("size=1&size=2", "size", "duplicate field"),
            ("statsu=ready", "statsu", "unknown field `statsu`, expected `status` or `size`"),
        ];
        for (query, field, expected) in table {
            let problem = parse::<List>(query).expect_err(query);
            assert_eq!((problem.status().as_u16(), problem.code()), (400, "invalid_query"));
            let fault = &problem.faults()[0];
            assert_eq!(fault.field, field, "{query}: {fault:?}");
            assert!(fault.message.contains(expected), "{query}: {fault:?}");
        }
    }
}
