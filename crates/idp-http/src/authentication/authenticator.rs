//! Turns the bearer token of a request into the context of its use case.

use super::claims::{Claims, Expected};
use super::denial::Denial;
use super::{VerificationKey, compact_jws, tenant_choice};
use crate::{Problem, RequestId, trace};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use idp_application::{Actor, Clock, Context, SystemClock};
use idp_domain::EventRecord;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Verifies bearer tokens. Clones share it.
///
/// A token is accepted when a configured key signed it with the algorithm of that key, it is of
/// the configured issuer and for the configured audience, it has a subject, and its time has come
/// and not passed (with a [leeway](Authenticator::leeway)). `exp`, `iss`, `aud` and `sub` must all
/// be there. It names its tenant in the claim `tenant`, or several in `tenants`, among which the
/// header `X-Tenant` selects; no header can add one. The token is taken from the header
/// `Authorization` and from nowhere else: what stands in a URL ends up in logs.
#[derive(Clone)]
pub struct Authenticator {
    rules: Arc<Rules>,
}

#[derive(Clone)]
struct Rules {
    keys: Vec<VerificationKey>,
    expected: Expected,
    clock: Arc<dyn Clock>,
}

/// An authenticator cannot be set up like this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAuthenticator(String);

impl fmt::Display for InvalidAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidAuthenticator {}

impl Authenticator {
    /// The longest leeway.
    pub const LEEWAY_MAX: Duration = Duration::from_secs(300);

    /// Accepts tokens of this issuer for this audience, signed with one of the keys. Several keys
    /// are for changing them without an interruption; all must be for one algorithm. The leeway is
    /// 30 seconds.
    pub fn new(
        keys: impl IntoIterator<Item = VerificationKey>,
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<Self, InvalidAuthenticator> {
        let keys: Vec<_> = keys.into_iter().collect();
        let expected = Expected {
            issuer: issuer.into(),
            audience: audience.into(),
            leeway: Duration::from_secs(30),
        };
        let has_one_algorithm = keys.windows(2).all(|k| k[0].algorithm() == k[1].algorithm());
        let rules = [
            (!keys.is_empty(), "it needs at least one key"),
            (has_one_algorithm, "all keys must be for one algorithm"),
            (!expected.issuer.is_empty(), "the issuer must not be empty"),
            (!expected.audience.is_empty(), "the audience must not be empty"),
        ];
        let broken: Vec<_> =
            rules.iter().filter(|(holds, _)| !holds).map(|(_, why)| *why).collect();
        if !broken.is_empty() {
            return Err(InvalidAuthenticator(broken.join("; ")));
        }
        Ok(Self { rules: Arc::new(Rules { keys, expected, clock: Arc::new(SystemClock) }) })
    }

    /// How far the clocks of issuer and service may be apart. Fails above
    /// [`Authenticator::LEEWAY_MAX`].
    pub fn leeway(mut self, leeway: Duration) -> Result<Self, InvalidAuthenticator> {
        if leeway > Self::LEEWAY_MAX {
            let message =
                format!("the leeway may be at most {:?}, got {leeway:?}", Self::LEEWAY_MAX);
            return Err(InvalidAuthenticator(message));
        }
        Arc::make_mut(&mut self.rules).expected.leeway = leeway;
        Ok(self)
    }

    /// Tells the time by another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        Arc::make_mut(&mut self.rules).clock = clock;
        self
    }

    /// The context of a request: tenant and actor from its token, and in the metadata its trace
    /// and its [`RequestId`].
    pub fn authenticate(&self, request: &Parts) -> Result<Context, Problem> {
        let context = self.context(&request.headers)?;
        let context = match trace::of_request(&request.extensions, &request.headers) {
            Some(trace) => trace.add_to(context),
            None => context,
        };
        Ok(match request.extensions.get::<RequestId>() {
            Some(id) => context.with_metadata(EventRecord::CORRELATION_ID, id.as_str()),
            None => context,
        })
    }

    fn context(&self, headers: &HeaderMap) -> Result<Context, Denial> {
        let Rules { keys, expected, clock } = self.rules.as_ref();
        let payload = compact_jws::verified_payload(bearer_token(headers)?, keys)?;
        let claims = Claims::parse(&payload)?;
        claims.check(expected, clock.now())?;
        let tenant = tenant_choice::choose(claims.tenants(), headers)?;
        Ok(Context::new(tenant, Actor::new(claims.subject())))
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rules { keys, expected, .. } = self.rules.as_ref();
        write!(f, "Authenticator({expected:?}, {keys:?})")
    }
}

/// The token of the only `Authorization: Bearer ...`; the scheme in any case (RFC 9110, 11.1).
fn bearer_token(headers: &HeaderMap) -> Result<&str, Denial> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Denial::Anonymous)?;
    if values.next().is_some() {
        return Err(Denial::Malformed);
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Denial::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Denial::Malformed) }
}
