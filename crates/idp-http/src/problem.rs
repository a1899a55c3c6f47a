//! What a client is told when a request does not succeed: problem details (RFC 9457).

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;

/// The answer to a request that did not succeed, as `application/problem+json`.
///
/// Programs decide by [`code`](Problem::code), which is stable; people read the detail. Whatever
/// answers through an [`Edge`](crate::Edge) also carries the id of the request as `instance`.
#[derive(Clone, Debug)]
pub struct Problem {
    parts: Box<Parts>,
}

#[derive(Clone, Debug)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    faults: Vec<FieldFault>,
    headers: HeaderMap,
    instance: Option<String>,
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FieldFault {
    /// Where it is: `stops[2].demand`, or the name of a parameter. Empty for the whole body.
    pub field: String,
    /// What was expected there.
    pub message: String,
}

/// Why a request did not succeed (problem details of RFC 9457).
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody<'a> {
    /// A URN that identifies the kind of problem.
    r#type: String,
    /// The kind of problem, for people.
    title: String,
    /// The HTTP status, once more.
    status: u16,
    /// What happened this time.
    detail: &'a str,
    /// The kind of problem, for programs.
    code: &'a str,
    /// The id of the request, also found in the log of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    /// Every fault of the request that was found.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldFault],
}

impl Problem {
    /// The media type of RFC 9457.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// A problem of that kind. The code is in snake case; the detail is one sentence for the
    /// client, and holds nothing that the client may not know.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        let parts = Parts {
            status,
            code: code.into(),
            detail: detail.into(),
            faults: Vec::new(),
            headers: HeaderMap::new(),
            instance: None,
        };
        Self { parts: Box::new(parts) }
    }

    /// 404: there is no such thing, as far as the caller may know.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 403: the caller may not do this.
    pub fn forbidden(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 422: the request is understood, and at least one of its values is not acceptable.
    pub fn unprocessable(faults: Vec<FieldFault>) -> Self {
        let detail = match faults.len() {
            1 => "1 value of the request is not acceptable".to_string(),
            count => format!("{count} values of the request are not acceptable"),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", detail).with_faults(faults)
    }

    /// Adds what is wrong with fields.
    pub fn with_faults(mut self, faults: impl IntoIterator<Item = FieldFault>) -> Self {
        self.parts.faults.extend(faults);
        self
    }

    /// Adds a header to the answer.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.parts.headers.append(name, value);
        self
    }

    /// The id of the request that it answers.
    pub(crate) fn with_instance(mut self, instance: &str) -> Self {
        self.parts.instance = Some(instance.to_string());
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.parts.status
    }

    /// The kind of problem, for programs.
    pub fn code(&self) -> &str {
        &self.parts.code
    }

    /// What happened, for people.
    pub fn detail(&self) -> &str {
        &self.parts.detail
    }

    /// What is wrong with fields.
    pub fn faults(&self) -> &[FieldFault] {
        &self.parts.faults
    }

    pub(crate) fn body(&self) -> ProblemBody<'_> {
        ProblemBody {
            r#type: format!("urn:idp:problem:{}", self.parts.code),
            title: title(&self.parts.code),
            status: self.parts.status.as_u16(),
            detail: &self.parts.detail,
            code: &self.parts.code,
            instance: self.parts.instance.as_deref(),
            errors: &self.parts.faults,
        }
    }
}

/// The code as the beginning of a sentence.
fn title(code: &str) -> String {
    let mut title = code.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.parts.status.as_u16(), self.parts.code, self.parts.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    /// The problem itself travels along as an extension, so that the edge can complete it.
    fn into_response(self) -> Response {
        let mut response = (self.parts.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Self::MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in &self.parts.headers {
            headers.append(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_are_those_of_rfc_9457_and_ours() {
        let fault = FieldFault { field: "demand".into(), message: "must be positive".into() };
        let problem = Problem::unprocessable(vec![fault]).with_instance("r-1");
        let body = serde_json::to_value(problem.body()).expect("it serializes");
        assert_eq!(
            body,
            serde_json::json!({
                "type": "urn:idp:problem:validation_failed",
                "title": "Validation failed",
                "status": 422,
                "detail": "1 value of the request is not acceptable",
                "code": "validation_failed",
                "instance": "r-1",
                "errors": [{ "field": "demand", "message": "must be positive" }],
            })
        );
    }

    #[test]
    fn members_without_a_value_are_left_out() {
        let body =
            serde_json::to_value(Problem::not_found("no such plan").body()).expect("it serializes");
        let members: Vec<_> = body.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(members, ["code", "detail", "status", "title", "type"]);
    }
}
