//! Why a caller is not let in, and what it is told.

use crate::Problem;
use axum::http::{HeaderValue, StatusCode, header};

/// Why a token is not accepted: for the log of the service. The caller only learns that it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidToken(pub(super) &'static str);

/// Why a request has no caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// There is no bearer token.
    Anonymous,
    /// The header `Authorization` stands more than once, or is no bearer token.
    Malformed,
    /// There is one, and it is not accepted.
    Invalid(InvalidToken),
    /// The token is fine, and for no tenant.
    NoTenant,
    /// The token is not for the tenant that the request selects.
    ForeignTenant,
    /// The token is for several tenants, and the request selects none.
    TenantRequired,
}

impl From<InvalidToken> for Denial {
    fn from(reason: InvalidToken) -> Self {
        Self::Invalid(reason)
    }
}

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        tracing::debug!(?denial, "the caller is not let in");
        match denial {
            // RFC 6750, section 3.1: no error code when there was no authentication at all.
            Denial::Anonymous => unauthorized("unauthenticated", "A bearer token is required", ""),
            Denial::Malformed => unauthorized(
                "invalid_request",
                "`Authorization` must stand once, as `Bearer` and a token",
                " error=\"invalid_request\"",
            ),
            Denial::Invalid(_) => unauthorized(
                "invalid_token",
                "The token is not accepted here, or no longer",
                " error=\"invalid_token\"",
            ),
            Denial::NoTenant => Self::forbidden("no_tenant", "The token is for no tenant"),
            Denial::ForeignTenant => {
                Self::forbidden("foreign_tenant", "The token is not for the tenant in `X-Tenant`")
            }
            Denial::TenantRequired => Self::bad_request(
                "tenant_required",
                "The token is for several tenants: select one with the header `X-Tenant`",
            ),
        }
    }
}

fn unauthorized(code: &'static str, detail: &'static str, error: &'static str) -> Problem {
    let challenge = HeaderValue::try_from(format!("Bearer{error}")).expect("the parts are ASCII");
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
        .with_header(header::WWW_AUTHENTICATE, challenge)
}
