//! Something to look at for who tries the service on an empty database.

use crate::import::{SolvedInstance, store_plans};
use idp::application::{Actor, BoxError};
use idp::prelude::*;
use route_planning_domain::RoutePlan;

const INSTANCE: (&str, &str) = ("A-n32-k5.vrp", include_str!("../../data/A-n32-k5.vrp"));
const SOLUTION: (&str, &str) = ("A-n32-k5.sol", include_str!("../../data/A-n32-k5.sol"));

/// Gives the tenant the plans of a small instance, if it has none. Says what it did.
pub(super) async fn add_sample(
    app: &Application,
    tenant: &TenantId,
) -> Result<Option<String>, BoxError> {
    let context = Context::new(tenant.clone(), Actor::new("sample"));
    let anything = Listing::<RoutePlan>::of(Specification::all()).first(1);
    if !app.begin_read_only(context.clone()).list(anything).await?.is_empty() {
        return Ok(None);
    }
    let sample = SolvedInstance::parse(INSTANCE, Some(SOLUTION))?;
    store_plans(app, context, &sample, || {}).await?;
    let SolvedInstance { name, plans, .. } = &sample;
    Ok(Some(format!("tenant {tenant} got {} plans of the sample {name}", plans.len())))
}
