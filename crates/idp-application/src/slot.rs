//! The place of one aggregate in the identity map, from which a guard takes it and to which the
//! guard gives it back.

use idp_domain::Aggregate;
use std::sync::{Mutex, MutexGuard};

/// What the unit of work shall do with an aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Write what changed.
    Keep,
    /// Remove it: mark it deleted where the aggregate has soft delete.
    Remove,
    /// Delete its row, soft delete or not.
    Erase,
    /// Undo its soft delete.
    Restore,
}

/// An aggregate with what change tracking needs.
#[derive(Clone, Debug)]
pub(crate) struct Entry<A> {
    pub(crate) aggregate: A,
    /// The state in the store; taken at the first mutable access, so that reading costs no copy.
    pub(crate) loaded: Option<A>,
    /// The version in the store; 0 when it is not there yet.
    pub(crate) version: i64,
    pub(crate) intent: Intent,
}

impl<A: Aggregate> Entry<A> {
    pub(crate) fn loaded(aggregate: A, version: i64) -> Self {
        Self { aggregate, loaded: None, version, intent: Intent::Keep }
    }

    pub(crate) fn added(aggregate: A) -> Self {
        Self { aggregate, loaded: None, version: 0, intent: Intent::Keep }
    }

    pub(crate) fn is_new(&self) -> bool {
        self.version == 0
    }

    /// Whether it will not be there after the commit.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(self.intent, Intent::Remove | Intent::Erase)
    }

    pub(crate) fn aggregate_mut(&mut self) -> &mut A {
        if self.loaded.is_none() && !self.is_new() {
            self.loaded = Some(self.aggregate.clone());
        }
        &mut self.aggregate
    }
}

/// Holds the entry while no guard does.
#[derive(Debug)]
pub(crate) struct Slot<A> {
    entry: Mutex<Option<Box<Entry<A>>>>,
}

impl<A: Aggregate> Slot<A> {
    pub(crate) fn holding(entry: Entry<A>) -> Self {
        Self { entry: Mutex::new(Some(Box::new(entry))) }
    }

    pub(crate) fn empty() -> Self {
        Self { entry: Mutex::new(None) }
    }

    /// The entry, if no guard has it. The slot is empty afterwards.
    pub(crate) fn take(&self) -> Option<Box<Entry<A>>> {
        self.lock().take()
    }

    pub(crate) fn put_back(&self, entry: Box<Entry<A>>) {
        *self.lock() = Some(entry);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<Box<Entry<A>>>> {
        // A panic elsewhere cannot leave the option half written.
        self.entry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
