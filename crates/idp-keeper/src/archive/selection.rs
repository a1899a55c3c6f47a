//! Which events of an archive are wanted.

use super::manifest::Manifest;
use idp_domain::{Envelope, TenantId, Timestamp, Uuid};
use std::collections::BTreeSet;

/// Which events of an archive are wanted: those that satisfy all that is said. Nothing said is
/// everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveSelection {
    tenants: Option<BTreeSet<TenantId>>,
    aggregates: Option<BTreeSet<Uuid>>,
    aggregate_types: Option<BTreeSet<String>>,
    from: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl ArchiveSelection {
    /// Every event.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only events of these tenants.
    pub fn tenants(mut self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        self.tenants = Some(tenants.into_iter().collect());
        self
    }

    /// Only events of these aggregates.
    pub fn aggregates(mut self, aggregates: impl IntoIterator<Item = Uuid>) -> Self {
        self.aggregates = Some(aggregates.into_iter().collect());
        self
    }

    /// Only events of aggregates of these types.
    pub fn aggregate_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.aggregate_types = Some(types.into_iter().map(Into::into).collect());
        self
    }

    /// Only events that occurred at that time or later, by the clock of the service that committed
    /// them.
    pub fn occurred_from(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }

    /// Only events that occurred before that time.
    pub fn occurred_before(mut self, before: Timestamp) -> Self {
        self.before = Some(before);
        self
    }

    pub(crate) fn admits(&self, event: &Envelope) -> bool {
        self.tenants.as_ref().is_none_or(|tenants| tenants.contains(&event.tenant))
            && self.aggregates.as_ref().is_none_or(|ids| ids.contains(&event.aggregate_id))
            && self.aggregate_types.as_ref().is_none_or(|t| t.contains(&*event.aggregate_type))
            && self.from.is_none_or(|from| event.occurred_at >= from)
            && self.before.is_none_or(|before| event.occurred_at < before)
    }

    /// Whether a segment may have such an event.
    pub(crate) fn concerns(&self, manifest: &Manifest) -> bool {
        self.from.is_none_or(|from| manifest.occurred_last >= from)
            && self.before.is_none_or(|before| manifest.occurred_first < before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::archived_event::sample::event;

    #[test]
    fn all_that_is_said_must_hold() {
        let event = event(0, 5).envelope;
        let at = |seconds: i64| Timestamp::from_unix_micros(seconds * 1_000_000);
        let tenant = |name| TenantId::new(name).expect("valid");
        let all = ArchiveSelection::all;
        for (selection, is_admitted) in [
            (all(), true),
            (all().tenants([tenant("globex"), tenant("acme")]), true),
            (all().tenants([tenant("globex")]), false),
            (all().aggregates([Uuid::from_u128(7)]), true),
            (all().aggregates([]), false),
            (all().aggregate_types(["door"]), true),
            (all().aggregate_types(["window"]), false),
            (all().occurred_from(at(5)).occurred_before(at(6)), true),
            (all().occurred_from(at(6)), false),
            (all().occurred_before(at(5)), false),
            (all().tenants([tenant("acme")]).occurred_before(at(5)), false),
        ] {
            assert_eq!(selection.admits(&event), is_admitted, "{selection:?}");
        }
    }
}
