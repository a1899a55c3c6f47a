//! What a verified token says, and whether it says so to us and now.

use super::denial::InvalidToken;
use idp_domain::{TenantId, Timestamp};
use serde::Deserialize;
use std::time::Duration;

/// The claims that decide anything (RFC 7519, section 4.1, and the tenants). A claim that stands
/// twice is an error.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    exp: f64,
    nbf: Option<f64>,
    iss: String,
    aud: OneOrMany,
    sub: String,
    tenant: Option<TenantId>,
    tenants: Option<Vec<TenantId>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// What tokens must say to be for us.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) leeway: Duration,
}

impl Claims {
    const SUBJECT_LENGTH_MAX: usize = 255;

    pub(super) fn parse(payload: &[u8]) -> Result<Self, InvalidToken> {
        serde_json::from_slice(payload)
            .map_err(|_| InvalidToken("a claim is missing, or of the wrong type"))
    }

    /// Checks that the token is valid at this time, of this issuer and for this audience.
    pub(super) fn check(&self, expected: &Expected, now: Timestamp) -> Result<(), InvalidToken> {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of this era fit an f64")]
        let now = now.unix_micros() as f64 / 1e6;
        let leeway = expected.leeway.as_secs_f64();
        let subject_length = 1..=Self::SUBJECT_LENGTH_MAX;
        let rules = [
            (self.exp > now - leeway, "it has expired"),
            (self.nbf.is_none_or(|nbf| nbf <= now + leeway), "it is not valid yet"),
            (self.iss == expected.issuer, "it is of another issuer"),
            (self.aud.includes(&expected.audience), "it is for another audience"),
            (subject_length.contains(&self.sub.len()), "its subject is empty or too long"),
            (!self.sub.contains(char::is_control), "its subject has control characters"),
            (self.tenant.is_none() || self.tenants.is_none(), "it has both `tenant` and `tenants`"),
        ];
        let broken = rules.into_iter().find(|(holds, _)| !holds);
        broken.map_or(Ok(()), |(_, reason)| Err(InvalidToken(reason)))
    }

    pub(super) fn subject(&self) -> &str {
        &self.sub
    }

    /// The tenants that the token is for.
    pub(super) fn tenants(&self) -> &[TenantId] {
        match &self.tenant {
            Some(tenant) => std::slice::from_ref(tenant),
            None => self.tenants.as_deref().unwrap_or_default(),
        }
    }
}

impl OneOrMany {
    fn includes(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}
