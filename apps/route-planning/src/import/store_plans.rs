//! Stores the plans of an instance in one unit of work.

use super::SolvedInstance;
use crate::application::{CreateRoutePlan, create_route_plan};
use idp::application::BoxError;
use idp::prelude::*;

/// Creates every plan of the instance, or none. `created` is called for each, before all are
/// committed together.
///
/// Here the unit of work is begun and committed by hand, around many runs of one use case. It is
/// not retried: nobody else can have changed what is new.
pub async fn store_plans(
    app: &Application,
    context: Context,
    instance: &SolvedInstance,
    mut created: impl FnMut(),
) -> Result<(), BoxError> {
    let tenant = context.tenant().clone();
    let unit = app.begin(context);
    for plan in &instance.plans {
        let cmd = CreateRoutePlan { plan: plan.clone() };
        let refused = |error| format!("{}: {error}", plan.reference);
        create_route_plan(unit.handle(), cmd).await.map_err(refused)?;
        created();
    }
    match unit.commit().await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Duplicate => Err(format!(
            "tenant {tenant} has plans of {} already, so nothing was stored: {error}",
            instance.name
        )
        .into()),
        Err(error) => Err(error.into()),
    }
}
