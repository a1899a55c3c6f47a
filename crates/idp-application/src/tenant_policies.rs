//! The port through which operators say how the events of single tenants are carried.

use crate::{Actor, BoxFuture, Error, ErrorKind};
use idp_domain::{TenantId, Timestamp};

/// How a relay serves one tenant. A tenant without a policy is not paused, has no limit, and weight 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantPolicy {
    /// Which tenant.
    pub tenant: TenantId,
    /// Whether none of its events are sent. They wait in the log, which keeps everything from the
    /// first of them on from being purged.
    pub is_paused: bool,
    /// The most events that are sent in a second, by all workers together, each attempt counted;
    /// `None` is as many as it goes. From 1 to 1 000 000.
    pub events_per_second_max: Option<u32>,
    /// Its part when others wait too: twice the weight gets twice as many events through. From 1 to
    /// 1 000.
    pub weight: u32,
}

impl TenantPolicy {
    /// What holds for a tenant of which nobody said anything.
    pub fn usual(tenant: TenantId) -> Self {
        Self { tenant, is_paused: false, events_per_second_max: None, weight: 1 }
    }

    /// Whether it says no more than what holds anyway.
    pub fn is_usual(&self) -> bool {
        *self == Self::usual(self.tenant.clone())
    }

    /// Fails with [`Invalid`](ErrorKind::Invalid) when values are out of bounds; the message names
    /// all of them.
    pub fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        if let Some(rate) = self.events_per_second_max.filter(|rate| !RATES.contains(rate)) {
            faults.push(format!("`events_per_second_max` must be within {RATES:?}, got {rate}"));
        }
        if !WEIGHTS.contains(&self.weight) {
            faults.push(format!("`weight` must be within {WEIGHTS:?}, got {}", self.weight));
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "set the policy of a tenant", faults.join("; ")))
    }
}

const RATES: std::ops::RangeInclusive<u32> = 1..=1_000_000;
const WEIGHTS: std::ops::RangeInclusive<u32> = 1..=1_000;

/// What an operator wants for a tenant from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantPolicyOrder {
    /// Who.
    pub actor: Actor,
    /// What. It takes the place of the policy before as a whole.
    pub policy: TenantPolicy,
    /// Why. Kept with the record of it.
    pub reason: String,
}

/// What was said about a tenant, kept for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantPolicyRecord {
    /// When, by the clock of the database.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
    /// What.
    pub policy: TenantPolicy,
    /// Why.
    pub reason: String,
}

/// The policies of tenants, by reader (that is, by target).
///
/// Workers learn them with each heartbeat.
///
/// # Contract
/// Adapters prove these with `idp_conformance::tenants!`.
///
/// 1. A policy takes the place of the one before, and leaves a record, in one transaction.
/// 2. A policy that is out of bounds fails with [`Invalid`](crate::ErrorKind::Invalid) and changes
///    nothing.
/// 3. Nothing that is set aside becomes due on the side track while its tenant is paused; what has a
///    number is given all the same.
pub trait TenantPolicies: Send + Sync + 'static {
    /// The policies that say more than what holds anyway, by tenant.
    fn tenant_policies<'a>(
        &'a self,
        reader: &'a str,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicy>, Error>>;

    /// Says how a tenant is served from now on.
    fn set_tenant_policy<'a>(
        &'a self,
        reader: &'a str,
        order: &'a TenantPolicyOrder,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// What was said, the latest first.
    fn tenant_policy_records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicyRecord>, Error>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_out_of_bounds_is_named_at_once() {
        let tenant = TenantId::new("acme").expect("valid");
        let usual = TenantPolicy::usual(tenant);
        assert!(usual.check().is_ok());
        let policy = TenantPolicy { events_per_second_max: Some(0), weight: 1_001, ..usual };
        let error = policy.check().expect_err("two faults");
        let expected = "`events_per_second_max` must be within 1..=1000000, got 0; \
                        `weight` must be within 1..=1000, got 1001";
        assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, expected));
    }
}
