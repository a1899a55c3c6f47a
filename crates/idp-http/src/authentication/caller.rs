//! The caller of a handler.

use super::Authenticator;
use crate::Problem;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use idp_application::Context;

/// The verified caller of a request, as the context of its use case. A handler that has one as a
/// parameter is not run for a request without an acceptable token.
///
/// The state of the router must give the [`Authenticator`] through `FromRef`.
#[derive(Clone, Debug)]
pub struct Caller(pub Context);

impl<S> FromRequestParts<S> for Caller
where
    Authenticator: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Authenticator::from_ref(state).authenticate(parts).map(Self)
    }
}
