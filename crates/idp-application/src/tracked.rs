//! A guard on an aggregate whose changes the unit of work sees by itself.

use crate::slot::{Entry, Intent, Slot};
use idp_domain::Aggregate;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// An aggregate of a unit of work. Use it like the aggregate itself; there is nothing to save.
///
/// It is an owned guard: while it lives nobody else in the unit of work gets the same aggregate,
/// and a commit with a living guard is refused, since the guard could still change it.
pub struct Tracked<A: Aggregate> {
    entry: Option<Box<Entry<A>>>,
    slot: Arc<Slot<A>>,
}

impl<A: Aggregate> Tracked<A> {
    pub(crate) fn new(entry: Box<Entry<A>>, slot: Arc<Slot<A>>) -> Self {
        Self { entry: Some(entry), slot }
    }

    /// The version that the store has; 0 when the aggregate is new.
    pub fn version(&self) -> i64 {
        self.entry().version
    }

    pub(crate) fn intend(&mut self, intent: Intent) {
        self.entry.as_mut().expect(HELD).intent = intent;
    }

    fn entry(&self) -> &Entry<A> {
        self.entry.as_ref().expect(HELD)
    }
}

const HELD: &str = "a guard holds its entry until it is dropped";

impl<A: Aggregate> Deref for Tracked<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.entry().aggregate
    }
}

impl<A: Aggregate> DerefMut for Tracked<A> {
    fn deref_mut(&mut self) -> &mut A {
        self.entry.as_mut().expect(HELD).aggregate_mut()
    }
}

impl<A: Aggregate> Drop for Tracked<A> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.slot.put_back(entry);
        }
    }
}

impl<A: Aggregate + fmt::Debug> fmt::Debug for Tracked<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked")
            .field("version", &self.version())
            .field("aggregate", &self.entry().aggregate)
            .finish()
    }
}
