//! The keys of a lane whose events must not be sent from the log, as far as the worker knows.

use idp_application::{AsideReason, DeliveryKey, SetAside};
use std::collections::HashMap;

/// Never too few: keys are added when their events are set aside, and taken out only when the log
/// says that nothing of them is left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocked(HashMap<DeliveryKey, u32>);

impl Blocked {
    /// How many events of the key are set aside; `None` when it is not blocked.
    pub(crate) fn events(&self, key: &DeliveryKey) -> Option<u32> {
        self.0.get(key).copied()
    }

    /// How many keys are blocked.
    pub(crate) fn keys(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn insert(&mut self, key: DeliveryKey, events: u32) {
        self.0.insert(key, events);
    }

    /// Notes what was set aside. What is scheduled blocks nothing.
    pub(crate) fn add(&mut self, aside: &SetAside) {
        if !matches!(aside.reason, AsideReason::Scheduled(_)) {
            let events = self.0.entry(DeliveryKey::of(&aside.envelope)).or_default();
            *events = events.saturating_add(1);
        }
    }

    pub(crate) fn remove(&mut self, key: &DeliveryKey) {
        self.0.remove(key);
    }
}
