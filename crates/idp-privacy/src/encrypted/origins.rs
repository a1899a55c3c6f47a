//! How events stood in the log that were read from it: in clear, or under which key.
//!
//! It is asked only about events of tenants that have no key any more, when they are set aside.

use crate::KeyId;
use idp_domain::{Envelope, TenantId, Uuid};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many events in clear are remembered at the most.
const CLEAR_MAX: usize = 10_000;

/// What this process has read. Holds one key id a tenant, and the last [`CLEAR_MAX`] events in clear.
#[derive(Debug, Default)]
pub(super) struct Origins(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// The key that opened the last event of a tenant.
    keys: HashMap<TenantId, KeyId>,
    clear: HashSet<Uuid>,
    /// The same, the oldest first.
    clear_in_order: VecDeque<Uuid>,
}

/// How an event stood in the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// In clear.
    Clear,
    /// Encrypted, under that key or an older one.
    Encrypted(KeyId),
}

impl Origins {
    /// The event was read, and is not encrypted.
    pub(super) fn note_clear(&self, event: Uuid) {
        let mut seen = self.seen();
        if !seen.clear.insert(event) {
            return;
        }
        seen.clear_in_order.push_back(event);
        if seen.clear_in_order.len() > CLEAR_MAX
            && let Some(oldest) = seen.clear_in_order.pop_front()
        {
            seen.clear.remove(&oldest);
        }
    }

    /// An event of the tenant was read, and opened with that key.
    pub(super) fn note_encrypted(&self, tenant: &TenantId, key: &KeyId) {
        let mut seen = self.seen();
        if seen.keys.get(tenant) != Some(key) {
            seen.keys.insert(tenant.clone(), key.clone());
        }
    }

    /// How an event stood in the log that is in clear now. When none of its tenant was ever opened
    /// here, it was in clear. One that is not known to have been, of a tenant whose events were
    /// opened, is taken for one of those: nothing that was secret is kept in clear.
    pub(super) fn of(&self, envelope: &Envelope) -> Origin {
        let seen = self.seen();
        let key = seen.keys.get(&envelope.tenant);
        let key = key.filter(|_| !seen.clear.contains(&envelope.event_id));
        key.map_or(Origin::Clear, |key| Origin::Encrypted(key.clone()))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_domain::{ContentHasher, EventRecord, Timestamp};

    fn event(id: u128) -> Envelope {
        let record = EventRecord {
            event_id: Uuid::from_u128(id),
            occurred_at: Timestamp::UNIX_EPOCH,
            tenant: TenantId::new("acme").expect("valid"),
            aggregate_type: "order".into(),
            aggregate_id: Uuid::from_u128(2),
            aggregate_version: 1,
            event_type: "order.placed".into(),
            schema_id: "order.placed".into(),
            schema_version: 1,
            payload: "{}".into(),
            metadata: Default::default(),
        };
        Envelope::seal(record, &ContentHasher::Plain).expect("canonical")
    }

    #[test]
    fn only_so_many_events_in_clear_are_remembered() {
        let origins = Origins::default();
        let key = KeyId::new("k1").expect("valid");
        assert_eq!(origins.of(&event(0)), Origin::Clear);
        origins.note_encrypted(&TenantId::new("acme").expect("valid"), &key);
        assert_eq!(origins.of(&event(0)), Origin::Encrypted(key.clone()));
        let last = u128::try_from(CLEAR_MAX).expect("it fits");
        (0..=last).for_each(|id| origins.note_clear(Uuid::from_u128(id)));
        assert_eq!(origins.of(&event(0)), Origin::Encrypted(key));
        assert_eq!(
            (origins.of(&event(1)), origins.of(&event(last))),
            (Origin::Clear, Origin::Clear)
        );
        assert_eq!(origins.seen().clear.len(), CLEAR_MAX);
    }
}
