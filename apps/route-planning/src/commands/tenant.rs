//! `route-planning tenant …`: how the events of single tenants are carried.

use super::one_line::OneLine;
use super::operator::{Signature, TargetChoice};
use crate::bootstrap::Core;
use crate::settings::Settings;
use clap::{Args, Subcommand};
use idp::application::{BoxError, TenantPolicy, TenantPolicyOrder, TenantPolicyRecord};
use idp::prelude::*;
use std::io::Write;
use std::str::FromStr;

/// What can be said about a tenant, per target. Workers know it with their next heartbeat.
#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// List the tenants that are not served as all others are
    Policies {
        #[command(flatten)]
        target: TargetChoice,
    },
    /// Send none of its events until it is resumed; they wait in the log, which is kept for them
    Pause(Order),
    /// End its pause
    Resume(Order),
    /// Send so many of its events in a second at the most
    Limit {
        #[command(flatten)]
        order: Order,
        /// How many, 1 to 1000000; off is as many as it goes
        rate: Rate,
    },
    /// Give it more of the way than others have, when others wait, too
    Weigh {
        #[command(flatten)]
        order: Order,
        /// Its part, 1 to 1000; all others have 1
        weight: u32,
    },
    /// List what was said, the latest first
    Records {
        #[command(flatten)]
        target: TargetChoice,
        /// The most lines
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

/// What every order about a tenant says.
#[derive(Clone, Debug, Args)]
pub(crate) struct Order {
    /// Which tenant
    tenant: TenantId,
    #[command(flatten)]
    target: TargetChoice,
    #[command(flatten)]
    signature: Signature,
}

/// The most events in a second; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(Option<u32>);

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self(None)),
            _ => text.parse().map(|rate| Self(Some(rate))).map_err(|_| "expected a number, or off"),
        }
    }
}

/// Does it.
pub(crate) async fn tenant(
    settings: Settings,
    command: TenantCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let core = Core::open(&settings.database).await?;
    match command {
        TenantCommand::Policies { target } => {
            let target = target.find(&core, &settings).await?;
            for policy in core.backend().tenant_policies(&target).await? {
                writeln!(out, "{}", line(&policy))?;
            }
            Ok(())
        }
        TenantCommand::Records { target, limit } => {
            let target = target.find(&core, &settings).await?;
            records(&core, &target, limit, out).await
        }
        TenantCommand::Pause(order) => {
            change(&core, &settings, order, |policy| policy.is_paused = true, out).await
        }
        TenantCommand::Resume(order) => {
            change(&core, &settings, order, |policy| policy.is_paused = false, out).await
        }
        TenantCommand::Limit { order, rate } => {
            let limit = |policy: &mut TenantPolicy| policy.events_per_second_max = rate.0;
            change(&core, &settings, order, limit, out).await
        }
        TenantCommand::Weigh { order, weight } => {
            change(&core, &settings, order, |policy| policy.weight = weight, out).await
        }
    }
}

/// Changes one thing of the policy, and leaves the others as it found them: of two operators at the same
/// moment the last one is heard in everything, and both are on record.
async fn change(
    core: &Core,
    settings: &Settings,
    order: Order,
    change: impl FnOnce(&mut TenantPolicy),
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let target = order.target.find(core, settings).await?;
    let (actor, reason) = order.signature.parts();
    let policies = core.backend().tenant_policies(&target).await?;
    let present = policies.into_iter().find(|policy| policy.tenant == order.tenant);
    let mut policy = present.unwrap_or_else(|| TenantPolicy::usual(order.tenant));
    change(&mut policy);
    let order = TenantPolicyOrder { actor, policy, reason };
    core.backend().set_tenant_policy(&target, &order).await?;
    Ok(writeln!(out, "{}", line(&order.policy))?)
}

fn line(policy: &TenantPolicy) -> String {
    let TenantPolicy { tenant, is_paused, events_per_second_max, weight } = policy;
    let state = if *is_paused { "paused" } else { "not paused" };
    let limit = match events_per_second_max {
        Some(rate) => format!("at most {rate} events a second"),
        None => "no limit".to_owned(),
    };
    format!("{tenant}: {state}, {limit}, weight {weight}")
}

async fn records(
    core: &Core,
    target: &str,
    limit: u32,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    for record in core.backend().tenant_policy_records(target, limit).await? {
        let TenantPolicyRecord { at, actor, policy, reason } = &record;
        let (actor, reason) = (OneLine(actor), OneLine(reason));
        writeln!(out, "{at} {} by {actor}: {reason}", line(policy))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_or_off() {
        assert_eq!("off".parse(), Ok(Rate(None)));
        assert_eq!("7".parse(), Ok(Rate(Some(7))));
        assert!("many".parse::<Rate>().is_err());
    }
}
