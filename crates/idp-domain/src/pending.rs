//! The events that an aggregate raised and that no unit of work has written yet.

use crate::Timestamp;
use std::fmt;

/// Collects events inside of an aggregate.
///
/// It is not part of the state: it has no column, it does not take part in change tracking, and an
/// aggregate that was loaded from a store has an empty one.
#[derive(Clone)]
pub struct Pending<E> {
    events: Vec<E>,
    /// When each is to be delivered, if not at once.
    deliver_at: Vec<Option<Timestamp>>,
}

/// An event as it was raised.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised<E> {
    /// The event.
    pub event: E,
    /// When its message is to be delivered, if not at once.
    pub deliver_at: Option<Timestamp>,
}

impl<E> Pending<E> {
    /// No events.
    pub const fn none() -> Self {
        Self { events: Vec::new(), deliver_at: Vec::new() }
    }

    /// The first event of a new aggregate.
    pub fn first(event: E) -> Self {
        Self { events: vec![event], deliver_at: vec![None] }
    }

    /// Records that something happened.
    pub fn raise(&mut self, event: E) {
        self.events.push(event);
        self.deliver_at.push(None);
    }

    /// Records that something happened of which others are to hear at that time, not before: a
    /// reminder, a deadline. It is written and folded into read models as any other event, now; its
    /// message leaves the order of the aggregate's messages and is delivered at its time.
    pub fn schedule(&mut self, event: E, deliver_at: Timestamp) {
        self.events.push(event);
        self.deliver_at.push(Some(deliver_at));
    }

    /// The events so far, oldest first.
    pub fn as_slice(&self) -> &[E] {
        &self.events
    }

    /// Whether there is nothing to publish.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Takes the events out, oldest first. The unit of work does this once, when it commits.
    pub fn pull(&mut self) -> Vec<Raised<E>> {
        let events = std::mem::take(&mut self.events).into_iter();
        let times = std::mem::take(&mut self.deliver_at).into_iter();
        events.zip(times).map(|(event, deliver_at)| Raised { event, deliver_at }).collect()
    }
}

impl<E> Default for Pending<E> {
    fn default() -> Self {
        Self::none()
    }
}

impl<E: fmt::Debug> fmt::Debug for Pending<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.events).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_pulled_once_and_in_order() {
        let mut pending = Pending::first(1);
        pending.raise(2);
        pending.schedule(3, Timestamp::UNIX_EPOCH);
        let raised = |event, deliver_at| Raised { event, deliver_at };
        let expected = [raised(1, None), raised(2, None), raised(3, Some(Timestamp::UNIX_EPOCH))];
        assert_eq!(pending.pull(), expected);
        assert!(pending.is_empty());
    }
}
