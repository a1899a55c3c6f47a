//! The events that an aggregate raised and that no unit of work has written yet.

use std::fmt;

/// Collects events inside of an aggregate.
///
/// It is not part of the state: it has no column, it does not take part in change tracking, and an
/// aggregate that was loaded from a store has an empty one.
#[derive(Clone)]
pub struct Pending<E> {
    events: Vec<E>,
}

impl<E> Pending<E> {
    /// No events.
    pub const fn none() -> Self {
        Self { events: Vec::new() }
    }

    /// The first event of a new aggregate.
    pub fn first(event: E) -> Self {
        Self { events: vec![event] }
    }

    /// Records that something happened.
    pub fn raise(&mut self, event: E) {
        self.events.push(event);
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
    pub fn pull(&mut self) -> Vec<E> {
        std::mem::take(&mut self.events)
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
        assert_eq!(pending.pull(), [1, 2]);
        assert!(pending.is_empty());
    }
}
