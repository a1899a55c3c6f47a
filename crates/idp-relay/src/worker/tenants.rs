//! How single tenants are served, as the worker knows it: who is paused, who has a limit, and who
//! has another weight than the usual one.

use idp_application::TenantPolicy;
use idp_domain::TenantId;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The policies, and what of each limit is left.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    policies: BTreeMap<TenantId, TenantPolicy>,
    is_known: bool,
    buckets: BTreeMap<TenantId, Bucket>,
}

/// For how many seconds a limit stands still at most, because what cannot wait was sent.
const DEBT_MAX: f64 = 10.0;

/// A token bucket: what may be sent now, and since when it was not counted on.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Tenants {
    /// Takes the policies of now in place of those before. Says whether they differ.
    pub(crate) fn learn(&mut self, policies: Vec<TenantPolicy>, now: Instant) -> bool {
        let policies = policies.into_iter().map(|policy| (policy.tenant.clone(), policy));
        let policies: BTreeMap<_, _> = policies.collect();
        let is_new = policies != self.policies;
        self.policies = policies;
        self.is_known = true;
        self.buckets.retain(|tenant, _| {
            self.policies.get(tenant).is_some_and(|policy| policy.events_per_second_max.is_some())
        });
        for (tenant, policy) in &self.policies {
            if policy.events_per_second_max.is_some() {
                let bucket = Bucket { tokens: 0.0, at: now };
                self.buckets.entry(tenant.clone()).or_insert(bucket);
            }
        }
        is_new
    }

    /// Whether the log was asked at all.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether it cannot be served like all others.
    pub(crate) fn is_special(&self, tenant: &TenantId) -> bool {
        self.policies.contains_key(tenant)
    }

    pub(crate) fn is_paused(&self, tenant: &TenantId) -> bool {
        self.policies.get(tenant).is_some_and(|policy| policy.is_paused)
    }

    /// How many tenants are paused.
    pub(crate) fn paused(&self) -> usize {
        self.policies.values().filter(|policy| policy.is_paused).count()
    }

    pub(crate) fn weight(&self, tenant: &TenantId) -> f64 {
        self.policies.get(tenant).map_or(1.0, |policy| f64::from(policy.weight.max(1)))
    }

    /// How many of its events may be sent now by a worker with that share of the lanes.
    pub(crate) fn allowed(&self, tenant: &TenantId, now: Instant, share: f64) -> usize {
        let Some((bucket, rate)) = self.limit(tenant, share) else { return usize::MAX };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 1 000 000"
        )]
        let whole = bucket.filled(rate, now) as usize;
        whole
    }

    /// Counts events that are being sent.
    pub(crate) fn take(&mut self, tenant: &TenantId, events: usize, now: Instant, share: f64) {
        let Some((bucket, rate)) = self.limit(tenant, share) else { return };
        let taken = f64::from(u32::try_from(events).unwrap_or(u32::MAX));
        let filled = bucket.filled(rate, now);
        let tokens = (filled - taken).max(filled.min(0.0));
        self.buckets.insert(tenant.clone(), Bucket { tokens, at: now });
    }

    /// Counts events that are being sent whether they may be or not: later ones wait for it, but not
    /// for longer than [`DEBT_MAX`].
    pub(crate) fn take_ahead(&mut self, tenant: &TenantId, now: Instant, share: f64) {
        let Some((bucket, rate)) = self.limit(tenant, share) else { return };
        let tokens = (bucket.filled(rate, now) - 1.0).max(-rate * DEBT_MAX);
        self.buckets.insert(tenant.clone(), Bucket { tokens, at: now });
    }

    /// When the next of its events may be sent; `None` when it may be now.
    pub(crate) fn ready_at(&self, tenant: &TenantId, now: Instant, share: f64) -> Option<Instant> {
        let (bucket, rate) = self.limit(tenant, share)?;
        let missing = 1.0 - bucket.filled(rate, now);
        // A microsecond more, so that rounding never makes it too early.
        let wait = Duration::try_from_secs_f64(missing / rate).ok()? + Duration::from_micros(1);
        (missing > 0.0).then(|| now + wait)
    }

    fn limit(&self, tenant: &TenantId, share: f64) -> Option<(Bucket, f64)> {
        let rate = f64::from(self.policies.get(tenant)?.events_per_second_max?);
        let bucket = self.buckets.get(tenant).copied()?;
        // A worker without lanes sends nothing; the bound only keeps the arithmetic whole.
        Some((bucket, (rate * share).max(1e-6)))
    }
}

impl Bucket {
    /// What is in it now: at most what comes in a second, but room for one.
    fn filled(&self, rate: f64, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + passed * rate).min(rate.max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> TenantId {
        TenantId::new("acme").expect("valid")
    }

    fn limited(rate: u32, now: Instant) -> Tenants {
        let mut tenants = Tenants::default();
        let usual = TenantPolicy::usual(acme());
        let policy = TenantPolicy { events_per_second_max: Some(rate), ..usual };
        assert!(tenants.learn(vec![policy.clone()], now));
        assert!(!tenants.learn(vec![policy], now), "nothing is new");
        tenants
    }

    #[test]
    fn a_limit_lets_so_many_through_in_a_second_and_saves_no_more() {
        let start = Instant::now();
        let mut tenants = limited(100, start);
        assert_eq!(tenants.allowed(&acme(), start, 1.0), 0);
        let later = start + Duration::from_millis(500);
        assert_eq!(tenants.allowed(&acme(), later, 1.0), 50);
        tenants.take(&acme(), 50, later, 1.0);
        assert_eq!(tenants.allowed(&acme(), later, 1.0), 0);
        assert_eq!(tenants.allowed(&acme(), later + Duration::from_secs(60), 1.0), 100);
    }

    #[test]
    fn a_worker_has_the_part_of_a_limit_that_it_has_of_the_lanes() {
        let start = Instant::now();
        let tenants = limited(100, start);
        assert_eq!(tenants.allowed(&acme(), start + Duration::from_millis(900), 0.25), 22);
    }

    #[test]
    fn what_cannot_wait_counts_and_what_can_waits_for_it() {
        let start = Instant::now();
        let mut tenants = limited(10, start);
        let at = |seconds| start + Duration::from_secs(seconds);
        (0..30).for_each(|_| tenants.take_ahead(&acme(), at(1), 1.0));
        assert_eq!(tenants.allowed(&acme(), at(3), 1.0), 0, "ten came, and thirty were taken");
        assert_eq!(tenants.allowed(&acme(), at(4), 1.0), 10);
        (0..1_000).for_each(|_| tenants.take_ahead(&acme(), at(4), 1.0));
        assert_eq!(tenants.allowed(&acme(), at(14), 1.0), 0);
        assert_eq!(tenants.allowed(&acme(), at(15), 1.0), 10, "it is not owed for ever");
    }

    #[test]
    fn it_is_said_when_the_next_event_may_go() {
        let start = Instant::now();
        let tenants = limited(2, start);
        let at = tenants.ready_at(&acme(), start, 1.0).expect("not now");
        assert_eq!((at - start).as_millis(), 500);
        assert_eq!(tenants.allowed(&acme(), at, 1.0), 1);
        assert_eq!(tenants.ready_at(&acme(), at, 1.0), None);
    }

    #[test]
    fn a_tenant_without_a_policy_has_no_limit_and_the_usual_weight() {
        let tenants = Tenants::default();
        let now = Instant::now();
        assert_eq!(tenants.allowed(&acme(), now, 1.0), usize::MAX);
        assert!(!tenants.is_special(&acme()) && !tenants.is_paused(&acme()));
        assert!((tenants.weight(&acme()) - 1.0).abs() < f64::EPSILON);
    }
}
