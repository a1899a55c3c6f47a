//! How many values a label may have: each value is a series that the monitoring keeps.

use idp_domain::TenantId;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The value of those that have none of their own. No tenant has that name.
pub(crate) const OTHER: &str = "_other";

/// Tenants with a label value of their own in counters: the first that were met since the process was
/// started. What was counted under one value must stay there, so none is ever exchanged.
pub(crate) struct FirstTenants {
    tenants_max: usize,
    known: Mutex<HashSet<TenantId>>,
}

impl FirstTenants {
    pub(crate) fn new(tenants_max: usize) -> Self {
        Self { tenants_max, known: Mutex::default() }
    }

    pub(crate) fn label(&self, tenant: &TenantId) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let has_own = known.contains(tenant)
            || (known.len() < self.tenants_max && known.insert(tenant.clone()));
        if has_own { tenant.to_string() } else { OTHER.to_owned() }
    }
}

/// How far something is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Behind {
    pub(crate) events: u64,
    pub(crate) seconds: f64,
}

impl Behind {
    /// Both together: the sum of the events, the age of the older one.
    pub(crate) fn and(self, other: Self) -> Self {
        let events = self.events.saturating_add(other.events);
        Self { events, seconds: self.seconds.max(other.seconds) }
    }
}

/// Those that are furthest behind, by time and then by events; all others as one.
pub(crate) fn furthest(mut all: Vec<(String, Behind)>, count_max: usize) -> Vec<(String, Behind)> {
    all.sort_by(|(one_name, one), (other_name, other)| {
        let by_time = other.seconds.total_cmp(&one.seconds);
        by_time.then(other.events.cmp(&one.events)).then(one_name.cmp(other_name))
    });
    let others = all.split_off(count_max.min(all.len()));
    let others = others.into_iter().map(|(_, behind)| behind).reduce(Behind::and);
    all.extend(others.map(|behind| (OTHER.to_owned(), behind)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).expect("valid")
    }

    #[test]
    fn no_tenant_can_have_the_name_of_the_others() {
        assert!(TenantId::new(OTHER).is_err());
    }

    #[test]
    fn the_first_tenants_keep_their_labels_and_the_others_share_one() {
        let first = FirstTenants::new(2);
        let labels = ["a", "b", "c", "a", "d", "b"].map(|name| first.label(&tenant(name)));
        assert_eq!(labels, ["a", "b", OTHER, "a", OTHER, "b"]);
        assert_eq!(FirstTenants::new(0).label(&tenant("a")), OTHER);
    }

    #[test]
    fn the_furthest_behind_are_named_and_the_others_summed() {
        let behind = |events, seconds| Behind { events, seconds };
        let all = vec![
            ("young".into(), behind(900, 1.0)),
            ("old".into(), behind(1, 60.0)),
            ("many".into(), behind(7, 30.0)),
            ("few".into(), behind(6, 30.0)),
        ];
        let told = furthest(all.clone(), 2);
        let expected = [
            ("old".into(), behind(1, 60.0)),
            ("many".into(), behind(7, 30.0)),
            (OTHER.into(), behind(906, 30.0)),
        ];
        assert_eq!(told, expected);
        assert_eq!(furthest(all, 4).len(), 4, "there are no others");
        assert_eq!(furthest(Vec::new(), 0), []);
    }
}
