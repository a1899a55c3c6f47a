//! `GET /dev/token`, which exists in development only.

use idp::application::Actor;
use idp::http::axum::Router;
use idp::http::axum::extract::State;
use idp::http::axum::routing::get;
use idp::http::{DevIssuer, Json, Problem, Query};
use idp::prelude::*;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Lets everybody in: a token for any tenant, for whoever asks.
#[derive(Clone, Debug)]
pub struct DevAccess {
    issuer: Arc<DevIssuer>,
    tenants: Vec<TenantId>,
}

impl DevAccess {
    /// How long a token is good for.
    pub const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

    /// Access by tokens of this issuer; the page offers these tenants.
    pub fn new(issuer: DevIssuer, tenants: Vec<TenantId>) -> Self {
        Self { issuer: Arc::new(issuer), tenants }
    }

    /// Who signs the tokens.
    pub fn issuer(&self) -> &DevIssuer {
        &self.issuer
    }

    /// The tenants that the page offers.
    pub fn tenants(&self) -> &[TenantId] {
        &self.tenants
    }

    /// A token for the tenant.
    pub fn token(&self, tenant: &TenantId) -> String {
        self.issuer.token(tenant, &Actor::new("developer"), Self::LIFETIME)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenQuery {
    tenant: TenantId,
}

pub(super) fn routes(dev: DevAccess) -> Router {
    Router::new().route("/dev/token", get(handle)).with_state(dev)
}

async fn handle(
    State(dev): State<DevAccess>,
    Query(TokenQuery { tenant }): Query<TokenQuery>,
) -> Result<Json<serde_json::Value>, Problem> {
    Ok(Json(serde_json::json!({ "token": dev.token(&tenant) })))
}
