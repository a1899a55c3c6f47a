//! What becomes of each event that was read: sent, passed over, or set aside.

use super::blocked::Blocked;
use crate::Target;
use idp_application::{
    AsideReason, Cursor, DeliveryKey, LaneBatch, LaneLease, LoggedEvent, Message, SetAside, Stream,
    Track, TrackEvent,
};
use idp_domain::{Envelope, EventRecord, Timestamp, Uuid};
use std::sync::Arc;

/// Where sorting ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most keys that may be parked in a lane.
    pub(crate) keys_max: u32,
    /// The most events that may be set aside of one key.
    pub(crate) events_max: u32,
    /// The most messages to send.
    pub(crate) messages_max: usize,
}

impl Bounds {
    /// It does not end before the batch does.
    pub(crate) const NONE: Self =
        Self { keys_max: u32::MAX, events_max: u32::MAX, messages_max: usize::MAX };
}

/// What a batch comes to.
#[derive(Clone, Debug)]
pub(crate) struct Sorted {
    /// One for each event, with the cursor behind it.
    pub(crate) slots: Vec<(Cursor, Slot)>,
    /// Where the batch ends; `None` when a part of it was left because a bound was reached.
    pub(crate) through: Option<Cursor>,
}

/// What becomes of one event.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    /// The filter does not want it; or it is so many events in a row that belong to another track.
    Passed(u32),
    /// It is taken out of the lane.
    Aside(Box<SetAside>),
    /// It is the next message.
    Message(Uuid),
}

impl Sorted {
    /// How many events it is about.
    pub(crate) fn events(&self) -> i64 {
        let count = |slot: &Slot| match slot {
            Slot::Passed(count) => i64::from(*count),
            Slot::Aside(_) | Slot::Message(_) => 1,
        };
        self.slots.iter().map(|(_, slot)| count(slot)).sum()
    }
}

/// An event that the bus refused, and what it said.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) event: Uuid,
    pub(crate) error: String,
}

/// Sorts the events of one lane.
pub(crate) struct Sorting<'w> {
    target: &'w Target,
    lease: LaneLease,
    stream: Arc<Stream>,
    refusal: Option<&'w Refusal>,
    bounds: Bounds,
    /// With what this batch adds.
    blocked: Blocked,
}

impl<'w> Sorting<'w> {
    pub(crate) fn of(
        target: &'w Target,
        lease: LaneLease,
        blocked: &Blocked,
        refusal: Option<&'w Refusal>,
    ) -> Self {
        let name = target.name_shared();
        let stream = Arc::new(Stream { target: name, lane: lease.lane, track: Track::Main });
        let blocked = blocked.clone();
        Self { target, lease, stream, refusal, bounds: Bounds::NONE, blocked }
    }

    /// Sends on another track than the main one.
    pub(crate) fn on(mut self, stream: Arc<Stream>) -> Self {
        self.stream = stream;
        self
    }

    pub(crate) fn within(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Ends before the first event that would have to be set aside beyond the bounds.
    pub(crate) fn sort(self, batch: LaneBatch) -> (Sorted, Vec<Message>) {
        let events = batch.events.into_iter();
        let events = events.map(|LoggedEvent { cursor, envelope }| {
            let envelope = Some(envelope);
            TrackEvent { cursor, count: 1, envelope }
        });
        self.sort_events(events, batch.through)
    }

    /// The same with events that only count, since they belong to another track.
    pub(crate) fn sort_events(
        mut self,
        events: impl ExactSizeIterator<Item = TrackEvent>,
        through: Cursor,
    ) -> (Sorted, Vec<Message>) {
        let mut slots = Vec::with_capacity(events.len());
        let mut messages = Vec::with_capacity(events.len());
        let mut sequence = self.lease.sequence;
        for TrackEvent { cursor, count, envelope } in events {
            sequence += i64::from(count);
            let Some(envelope) = envelope else {
                slots.push((cursor, Slot::Passed(count)));
                continue;
            };
            let Some(fate) = self.fate(&envelope) else {
                return (Sorted { slots, through: None }, messages);
            };
            let slot = match fate {
                Fate::Pass => Slot::Passed(1),
                Fate::Send if messages.len() >= self.bounds.messages_max => {
                    return (Sorted { slots, through: None }, messages);
                }
                Fate::Send => {
                    let id = envelope.event_id;
                    let epoch = self.lease.epoch;
                    messages.push(self.target.message(envelope, &self.stream, sequence, epoch));
                    Slot::Message(id)
                }
                Fate::SetAside(reason) => {
                    let aside = SetAside { envelope, sequence, reason };
                    self.blocked.add(&aside);
                    Slot::Aside(Box::new(aside))
                }
            };
            slots.push((cursor, slot));
        }
        (Sorted { slots, through: Some(through) }, messages)
    }

    /// `None` when it would have to be set aside, and a bound forbids it.
    fn fate(&self, event: &Envelope) -> Option<Fate> {
        if !self.target.wants(event) {
            return Some(Fate::Pass);
        }
        if let Some(refusal) = self.refusal.filter(|refusal| refusal.event == event.event_id) {
            let fits = u32::try_from(self.blocked.keys()).is_ok_and(|n| n < self.bounds.keys_max);
            return fits.then(|| Fate::SetAside(AsideReason::Refused(refusal.error.clone())));
        }
        if let Some(at) = deliver_at(event) {
            return Some(Fate::SetAside(AsideReason::Scheduled(at)));
        }
        match self.blocked.events(&DeliveryKey::of(event)) {
            None => Some(Fate::Send),
            Some(events) => {
                (events < self.bounds.events_max).then_some(Fate::SetAside(AsideReason::Behind))
            }
        }
    }
}

enum Fate {
    Pass,
    Send,
    SetAside(AsideReason),
}

/// When the event is to be delivered, if it says so.
fn deliver_at(event: &Envelope) -> Option<Timestamp> {
    event.metadata.get(EventRecord::DELIVER_AT)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventFilter;
    use crate::worker::sample::{batch, lease, target};

    fn kinds(sorted: &Sorted) -> String {
        let kind = |slot: &Slot| match slot {
            Slot::Passed(_) => '-',
            Slot::Message(_) => 'm',
            Slot::Aside(aside) => match aside.reason {
                AsideReason::Refused(_) => 'r',
                AsideReason::Behind => 'b',
                AsideReason::Scheduled(_) => 's',
            },
        };
        sorted.slots.iter().map(|(_, slot)| kind(slot)).collect()
    }

    /// Events 1, 2, 3 are of aggregates 1, 2, 3, event 4 is of aggregate 1 again, and so on.
    fn sort(
        target: &Target,
        blocked: &[(u128, u32)],
        refused: Option<u128>,
        bounds: Bounds,
    ) -> (String, usize, bool) {
        let mut known = Blocked::default();
        for (aggregate, events) in blocked {
            let mut key = DeliveryKey::of(&crate::worker::sample::envelope(1));
            key.aggregate_id = Uuid::from_u128(*aggregate);
            known.insert(key, *events);
        }
        let refusal = refused
            .map(|event| Refusal { event: Uuid::from_u128(event), error: "too large".into() });
        let sorting = Sorting::of(target, lease(0, 1), &known, refusal.as_ref()).within(bounds);
        let (sorted, messages) = sorting.sort(batch(0, &[1, 2, 3, 4, 5, 6], 6));
        (kinds(&sorted), messages.len(), sorted.through.is_some())
    }

    const WIDE: Bounds = Bounds { keys_max: 10, events_max: 10, ..Bounds::NONE };

    #[test]
    fn events_of_a_blocked_key_go_aside_and_others_are_sent() {
        assert_eq!(sort(&target(), &[(2, 1)], None, WIDE), ("mbmmbm".into(), 4, true));
    }

    #[test]
    fn behind_a_refused_event_its_key_is_blocked() {
        assert_eq!(sort(&target(), &[], Some(1), WIDE), ("rmmbmm".into(), 4, true));
    }

    #[test]
    fn what_the_filter_leaves_out_is_passed_over_whatever_its_key() {
        let target =
            target().only(EventFilter::all().when("odd", |e| e.aggregate_version % 2 == 1));
        assert_eq!(sort(&target, &[(2, 1)], None, WIDE), ("m-m-b-".into(), 2, true));
    }

    #[test]
    fn sorting_ends_where_a_bound_would_be_exceeded() {
        let narrow = Bounds { keys_max: 10, events_max: 2, ..Bounds::NONE };
        assert_eq!(sort(&target(), &[(2, 1)], None, narrow), ("mbmm".into(), 3, false));
        let no_more = Bounds { keys_max: 1, events_max: 10, ..Bounds::NONE };
        assert_eq!(sort(&target(), &[(9, 1)], Some(3), no_more), ("mm".into(), 2, false));
    }

    #[test]
    fn sorting_ends_when_there_are_messages_enough() {
        let few = Bounds { messages_max: 2, ..Bounds::NONE };
        assert_eq!(sort(&target(), &[(2, 1)], None, few), ("mbm".into(), 2, false));
    }
}
