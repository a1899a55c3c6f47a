//! Leases, events and batches for the tests of this crate.

use crate::Target;
use idp_application::{Cursor, Lane, LaneBatch, LaneLease, LoggedEvent};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};

pub(crate) fn cursor(position: i64) -> Cursor {
    Cursor { window: 0, position }
}

pub(crate) fn lease(lane: i16, epoch: i64) -> LaneLease {
    LaneLease { lane: Lane::from_number(lane), epoch, cursor: Cursor::default(), sequence: 0 }
}

/// Events at those positions.
pub(crate) fn batch(lane: i16, positions: &[i64], through: i64) -> LaneBatch {
    let events = positions
        .iter()
        .map(|position| LoggedEvent { cursor: cursor(*position), envelope: envelope(*position) });
    let (lane, through) = (Lane::from_number(lane), cursor(through));
    LaneBatch { lane, events: events.collect(), through, has_more: false }
}

pub(crate) fn envelope(position: i64) -> Envelope {
    let number = u128::try_from(position).expect("positions are positive");
    let record = EventRecord {
        event_id: Uuid::from_u128(number),
        occurred_at: Timestamp::UNIX_EPOCH,
        tenant: TenantId::new("acme").expect("valid"),
        aggregate_type: "tally".into(),
        aggregate_id: Uuid::from_u128((number - 1) % 3 + 1),
        aggregate_version: position,
        event_type: "tally.counted".into(),
        schema_id: "tally.counted".into(),
        schema_version: 1,
        payload: "{}".into(),
        metadata: [].into(),
    };
    Envelope::seal(record, &ContentHasher::Plain).expect("canonical")
}

/// A target whose bus is never asked.
pub(crate) fn target() -> Target {
    Target::new("bus", std::sync::Arc::new(idp_memory::MemoryBus::default()))
        .topic(crate::TopicRule::fixed("tallies"))
}
