//! An issuer for trying things out: a random key, tokens for anybody.

use super::{Authenticator, VerificationKey, compact_jws};
use ed25519_dalek::{Signer, SigningKey};
use idp_application::{Actor, Clock, SystemClock};
use idp_domain::TenantId;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Issues tokens for anybody. Its key is drawn when it is made and never leaves it, so its tokens
/// are worth nothing after a restart. For development only: who can reach it is everybody.
pub struct DevIssuer {
    key: SigningKey,
    clock: Arc<dyn Clock>,
}

impl Default for DevIssuer {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl DevIssuer {
    /// The issuer that its tokens name.
    pub const ISSUER: &'static str = "urn:idp:dev";

    /// The audience that its tokens name.
    pub const AUDIENCE: &'static str = "urn:idp:dev";

    /// An issuer with a new random key.
    ///
    /// # Panics
    /// When the operating system gives no random bytes: nothing can be signed safely then.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system gives random bytes");
        Self { key: SigningKey::from_bytes(&seed), clock }
    }

    /// A token for an actor of one tenant, valid from now on for that long (whole seconds).
    pub fn token(&self, tenant: &TenantId, actor: &Actor, lifetime: Duration) -> String {
        self.sign(actor, lifetime, "tenant", serde_json::json!(tenant))
    }

    /// A token for an actor who works for several tenants, and selects one with `X-Tenant`.
    pub fn token_for_tenants(
        &self,
        tenants: &[TenantId],
        actor: &Actor,
        lifetime: Duration,
    ) -> String {
        self.sign(actor, lifetime, "tenants", serde_json::json!(tenants))
    }

    /// Accepts the tokens of this issuer.
    pub fn authenticator(&self) -> Authenticator {
        let key = VerificationKey::ed25519(self.key.verifying_key().as_bytes())
            .expect("a public key derived from a private one is sound");
        Authenticator::new([key], Self::ISSUER, Self::AUDIENCE)
            .expect("issuer and audience are not empty")
            .clock(Arc::clone(&self.clock))
    }

    fn sign(
        &self,
        actor: &Actor,
        lifetime: Duration,
        tenant_claim: &str,
        tenants: serde_json::Value,
    ) -> String {
        let now = self.clock.now().unix_micros().div_euclid(1_000_000);
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let mut claims = serde_json::json!({
            "iss": Self::ISSUER,
            "aud": Self::AUDIENCE,
            "sub": actor.as_str(),
            "iat": now,
            "exp": now.saturating_add(lifetime),
        });
        claims[tenant_claim] = tenants;
        let header = compact_jws::encode(r#"{"alg":"EdDSA","typ":"JWT"}"#);
        let message = format!("{header}.{}", compact_jws::encode(claims.to_string()));
        let signature = self.key.sign(message.as_bytes());
        format!("{message}.{}", compact_jws::encode(signature.to_bytes()))
    }
}

impl fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DevIssuer")
    }
}
