//! `route-planning import INSTANCE [SOLUTION] --tenant T`

use crate::bootstrap::Core;
use crate::import::{InstanceFiles, SolvedInstance, store_plans};
use crate::settings::Settings;
use idp::application::{Actor, BoxError};
use idp::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;

/// Stores the plans of one instance, all or none, and tells what they are.
pub(crate) async fn import(
    settings: Settings,
    files: InstanceFiles,
    tenant: TenantId,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let instance = files.read()?;
    let core = Core::open(&settings.database).await?;
    let bar = progress_bar(&instance);
    let context = Context::new(tenant.clone(), Actor::new("import"));
    let stored = store_plans(&core.app, context, &instance, || bar.inc(1)).await;
    bar.finish_and_clear();
    stored?;
    tell(&instance, &tenant, out)
}

/// Hidden by itself where the standard error is no terminal.
fn progress_bar(instance: &SolvedInstance) -> ProgressBar {
    let plans = u64::try_from(instance.plans.len()).unwrap_or(u64::MAX);
    let bar = ProgressBar::new(plans).with_message(instance.name.clone());
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} plans");
    bar.with_style(style.expect("the template is well formed"))
}

fn tell(
    instance: &SolvedInstance,
    tenant: &TenantId,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let (plans, stops) = (instance.plans.len(), instance.stop_count());
    let check = match instance.stated_cost {
        Some(_) => "as the solution states",
        None => "by construction",
    };
    let SolvedInstance { name, cost, .. } = instance;
    Ok(writeln!(
        out,
        "{name} for tenant {tenant}: {plans} plans, {stops} stops, cost {cost}, {check}"
    )?)
}
