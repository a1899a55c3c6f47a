//! Which events a target gets.

use idp_domain::{Envelope, TenantId, Timestamp, Uuid};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

type Condition = dyn Fn(&Envelope) -> bool + Send + Sync;

/// Which events a target gets: those that satisfy all conditions. It must be a function of the
/// event: one that is read again after a crash must be judged the same.
#[derive(Clone, Default)]
pub struct EventFilter {
    conditions: Vec<(String, Arc<Condition>)>,
}

impl EventFilter {
    /// Every event.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only events of these names.
    pub fn event_types<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        self.when(format!("event type in {names:?}"), move |e| names.contains(&*e.event_type))
    }

    /// Only events of aggregates of these types.
    pub fn aggregate_types<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        self.when(format!("aggregate type in {names:?}"), move |e| {
            names.contains(&*e.aggregate_type)
        })
    }

    /// Only events of these tenants.
    pub fn tenants(self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        let tenants: BTreeSet<TenantId> = tenants.into_iter().collect();
        self.when(format!("tenant in {tenants:?}"), move |e| tenants.contains(&e.tenant))
    }

    /// Only events of one aggregate.
    pub fn aggregate(self, id: Uuid) -> Self {
        self.when(format!("aggregate {id}"), move |e| e.aggregate_id == id)
    }

    /// Only events that occurred at that time or later, by the clock of the service that
    /// committed them.
    pub fn occurred_from(self, from: Timestamp) -> Self {
        self.when(format!("occurred from {from}"), move |e| e.occurred_at >= from)
    }

    /// Only events that occurred before that time.
    pub fn occurred_before(self, until: Timestamp) -> Self {
        self.when(format!("occurred before {until}"), move |e| e.occurred_at < until)
    }

    /// Only events that satisfy a condition of your own; the description is for logs.
    pub fn when(
        mut self,
        description: impl Into<String>,
        condition: impl Fn(&Envelope) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.conditions.push((description.into(), Arc::new(condition)));
        self
    }

    pub(crate) fn admits(&self, event: &Envelope) -> bool {
        self.conditions.iter().all(|(_, condition)| condition(event))
    }
}

impl fmt::Debug for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.conditions.iter().map(|(description, _)| description)).finish()
    }
}
