//! The one table from what went wrong inside to what a client is told.

use crate::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use idp_application::{Error, ErrorKind, Failure};
use idp_domain::DomainError;

/// After how many seconds to try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

impl Problem {
    /// 409 with the code and the words of the refusal: the state of things forbids it.
    pub fn refusal(refusal: &impl DomainError) -> Self {
        Self::new(StatusCode::CONFLICT, refusal.code(), refusal.to_string())
    }

    /// 500 that says nothing of its cause. Put the cause into the log first.
    pub fn internal() -> Self {
        server_fault(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    }

    /// 503: it may or may not have been done, and the client has to look.
    pub(crate) fn outcome_unknown() -> Self {
        server_fault(StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown")
    }

    /// 504: it took too long, and nothing was changed.
    pub(crate) fn timeout() -> Self {
        server_fault(StatusCode::GATEWAY_TIMEOUT, ErrorKind::Timeout.code())
    }
}

/// A fault of the server: a fixed sentence, whatever the cause.
fn server_fault(status: StatusCode, code: &'static str) -> Problem {
    let detail = match code {
        "outcome_unknown" => {
            "It is not known whether the request took effect: look before you try again"
        }
        "unavailable" => "The service cannot do this at the moment: try again later",
        "timeout" => "The service took too long, and nothing was changed: try again later",
        "unsupported" => "The service cannot do this as it is set up",
        _ => "The service failed, and the cause is in its log under the id of this request",
    };
    let problem = Problem::new(status, code, detail);
    let may_retry = matches!(code, "unavailable" | "timeout");
    if may_retry { problem.with_header(header::RETRY_AFTER, RETRY_AFTER) } else { problem }
}

const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict | ErrorKind::Duplicate => StatusCode::CONFLICT,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Problem {
    /// Faults of the client keep their message; those of the server go to the log, and the client
    /// gets a fixed sentence.
    fn from(error: Error) -> Self {
        let (kind, status) = (error.kind(), status_of(error.kind()));
        if error.is_outcome_unknown() {
            log(&error);
            return Self::outcome_unknown();
        }
        if status.is_server_error() {
            log(&error);
            return server_fault(status, kind.code());
        }
        Self::new(status, kind.code(), error.message())
    }
}

impl<D: DomainError> From<Failure<D>> for Problem {
    fn from(failure: Failure<D>) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::refusal(&refusal),
            Failure::Failed(error) => error.into(),
        }
    }
}

/// With every cause down to the first.
fn log(error: &Error) {
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut causes = Vec::new();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    tracing::error!(
        kind = error.kind().code(),
        outcome_unknown = error.is_outcome_unknown(),
        causes = causes.join(": "),
        "{error}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    const SECRET: &str = "password of db-7";

    fn of(kind: ErrorKind) -> Problem {
        Error::new(kind, "load the plan", SECRET).into()
    }

    #[test]
    fn each_kind_of_error_has_its_status_and_code() {
        let table = [
            (ErrorKind::NotFound, 404, "not_found"),
            (ErrorKind::Conflict, 409, "conflict"),
            (ErrorKind::Duplicate, 409, "duplicate"),
            (ErrorKind::Unavailable, 503, "unavailable"),
            (ErrorKind::Timeout, 504, "timeout"),
            (ErrorKind::Invalid, 422, "invalid"),
            (ErrorKind::Forbidden, 403, "forbidden"),
            (ErrorKind::Unsupported, 501, "unsupported"),
            (ErrorKind::Corrupt, 500, "corrupt"),
        ];
        for (kind, status, code) in table {
            let problem = of(kind);
            assert_eq!((problem.status().as_u16(), problem.code()), (status, code), "{kind:?}");
        }
    }

    #[test]
    fn the_text_of_a_server_fault_stays_inside() {
        for kind in
            [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Unsupported, ErrorKind::Corrupt]
        {
            assert!(!format!("{:?}", of(kind)).contains(SECRET), "{kind:?}");
        }
        assert_eq!(of(ErrorKind::Invalid).detail(), SECRET, "a fault of the client is explained");
    }

    #[test]
    fn what_can_be_tried_again_says_when() {
        let retry_after =
            |problem: Problem| problem.into_response().headers().get(header::RETRY_AFTER).cloned();
        assert_eq!(retry_after(of(ErrorKind::Unavailable)), Some(RETRY_AFTER));
        assert_eq!(retry_after(of(ErrorKind::Timeout)), Some(RETRY_AFTER));
        assert_eq!(retry_after(of(ErrorKind::Corrupt)), None);
        assert_eq!(retry_after(of(ErrorKind::Conflict)), None);
    }

    #[test]
    fn an_unknown_outcome_is_never_told_as_something_to_retry() {
        for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Conflict] {
            let error = Error::new(kind, "commit", SECRET).with_outcome_unknown();
            let problem = Problem::from(error);
            assert_eq!((problem.status().as_u16(), problem.code()), (503, "outcome_unknown"));
            assert!(problem.into_response().headers().get(header::RETRY_AFTER).is_none());
        }
    }

    #[derive(Debug)]
    struct SeatsExhausted;

    impl std::fmt::Display for SeatsExhausted {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("every seat is taken")
        }
    }

    impl std::error::Error for SeatsExhausted {}

    impl DomainError for SeatsExhausted {
        fn code(&self) -> &'static str {
            "seats_exhausted"
        }
    }

    #[test]
    fn a_refusal_speaks_in_the_words_of_the_domain() {
        let problem = Problem::from(Failure::Refused(SeatsExhausted));
        assert_eq!(problem.to_string(), "409 seats_exhausted: every seat is taken");
        let failed = Failure::<SeatsExhausted>::Failed(Error::new(ErrorKind::NotFound, "get", "x"));
        assert_eq!(Problem::from(failed).code(), "not_found");
    }
}
