//! One object an aggregate and unit of work (Fowler, *Patterns of Enterprise Application
//! Architecture*, 2002: Identity Map).

use crate::collect::{Collected, Collector};
use crate::slot::{Entry, Slot};
use crate::tracked::Tracked;
use crate::{Error, ErrorKind};
use idp_domain::{Aggregate, EntityId, Uuid};
use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Sorted by table and key, which is the order in which commits lock rows.
type Slots = BTreeMap<(&'static str, Uuid), Arc<dyn AnySlot>>;

/// The aggregates of one unit of work.
#[derive(Default)]
pub(crate) struct IdentityMap {
    slots: Mutex<Slots>,
}

/// A slot whose aggregate type is forgotten.
pub(crate) trait AnySlot: Send + Sync {
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    fn aggregate_type(&self) -> TypeId;
    /// Takes what changed out of the slot; fails while a guard has the entry.
    fn collect(&self, collector: &Collector<'_>, into: &mut Collected) -> Result<(), Error>;
    /// Whether a guard has the entry.
    fn is_held(&self) -> bool;
    /// What puts the entry back as it is now.
    fn capture(self: Arc<Self>) -> Restore;
}

/// Puts one aggregate back to how it was.
type Restore = Box<dyn FnOnce() + Send>;

/// The state of a unit of work at one moment, to which it can go back.
pub struct Savepoint {
    known: BTreeMap<(&'static str, Uuid), Restore>,
}

impl<A: Aggregate> AnySlot for Slot<A> {
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn aggregate_type(&self) -> TypeId {
        TypeId::of::<A>()
    }

    fn collect(&self, collector: &Collector<'_>, into: &mut Collected) -> Result<(), Error> {
        match self.lock().as_deref_mut() {
            Some(entry) => collector.collect(entry, into),
            None => Err(still_held("commit", A::SCHEMA.name)),
        }
    }

    fn is_held(&self) -> bool {
        self.lock().is_none()
    }

    fn capture(self: Arc<Self>) -> Restore {
        let entry = self.lock().clone();
        Box::new(move || *self.lock() = entry)
    }
}

/// What the map knows of an aggregate.
pub(crate) enum Lookup<A: Aggregate> {
    Unknown,
    Known(Tracked<A>),
    /// Removed in this unit of work.
    Leaving,
}

impl IdentityMap {
    pub(crate) fn lookup<A: Aggregate>(&self, key: Uuid) -> Result<Lookup<A>, Error> {
        let slots = self.lock();
        let Some(slot) = slots.get(&(A::SCHEMA.name, key)) else { return Ok(Lookup::Unknown) };
        let slot = typed::<A>(Arc::clone(slot))?;
        match slot.take() {
            None => Err(already_held::<A>(key)),
            Some(entry) if entry.is_leaving() => {
                slot.put_back(entry);
                Ok(Lookup::Leaving)
            }
            Some(entry) => Ok(Lookup::Known(Tracked::new(entry, slot))),
        }
    }

    /// Takes in what a query found, unless the map has it already, and guards it.
    pub(crate) fn admit<A: Aggregate>(&self, entry: Entry<A>) -> Result<Option<Tracked<A>>, Error> {
        let key = entry.aggregate.id().uuid();
        match self.lookup(key)? {
            Lookup::Known(tracked) => return Ok(Some(tracked)),
            Lookup::Leaving => return Ok(None),
            Lookup::Unknown => {}
        }
        let slot = Arc::new(Slot::empty());
        self.lock().insert((A::SCHEMA.name, key), slot.clone());
        Ok(Some(Tracked::new(Box::new(entry), slot)))
    }

    /// Takes in a new aggregate.
    pub(crate) fn add<A: Aggregate>(&self, aggregate: A) -> Result<(), Error> {
        let key = aggregate.id().uuid();
        let mut slots = self.lock();
        if slots.contains_key(&(A::SCHEMA.name, key)) {
            return Err(Error::new(
                ErrorKind::Duplicate,
                "add",
                format!("`{}` {key} is already in this unit of work", A::SCHEMA.name),
            ));
        }
        let slot = Arc::new(Slot::holding(Entry::added(aggregate)));
        slots.insert((A::SCHEMA.name, key), slot);
        Ok(())
    }

    /// The slots of one type of aggregate.
    pub(crate) fn slots_of<A: Aggregate>(&self) -> Result<Vec<Arc<Slot<A>>>, Error> {
        let slots = self.lock();
        slots
            .range((A::SCHEMA.name, Uuid::nil())..=(A::SCHEMA.name, Uuid::max()))
            .map(|(_, slot)| typed::<A>(Arc::clone(slot)))
            .collect()
    }

    /// What all slots have to write, by table and key.
    pub(crate) fn collect(&self, collector: &Collector<'_>) -> Result<Collected, Error> {
        let mut collected = Collected::default();
        for slot in self.lock().values() {
            slot.collect(collector, &mut collected)?;
        }
        Ok(collected)
    }

    /// The state of every aggregate as it is now; fails while a guard could still change one.
    pub(crate) fn savepoint(&self) -> Result<Savepoint, Error> {
        let slots = self.lock();
        ensure_none_is_held("savepoint", &slots)?;
        let known = slots.iter().map(|(key, slot)| (*key, Arc::clone(slot).capture()));
        Ok(Savepoint { known: known.collect() })
    }

    /// Puts every aggregate back to how it was, and forgets those that came later: an added one is
    /// gone, a loaded one would be loaded again.
    pub(crate) fn rollback_to(&self, savepoint: Savepoint) -> Result<(), Error> {
        let mut slots = self.lock();
        ensure_none_is_held("roll back to a savepoint", &slots)?;
        slots.retain(|key, _| savepoint.known.contains_key(key));
        savepoint.known.into_values().for_each(|restore| restore());
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Every critical section leaves the map whole, so a panic in one is no reason to stop.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn typed<A: Aggregate>(slot: Arc<dyn AnySlot>) -> Result<Arc<Slot<A>>, Error> {
    if slot.aggregate_type() != TypeId::of::<A>() {
        return Err(Error::new(
            ErrorKind::Invalid,
            "find",
            format!("two types of aggregate are named `{}`", A::SCHEMA.name),
        ));
    }
    Ok(slot.into_any().downcast().expect("the type was just compared"))
}

fn ensure_none_is_held(operation: &'static str, slots: &Slots) -> Result<(), Error> {
    match slots.iter().find(|(_, slot)| slot.is_held()) {
        Some(((name, _), _)) => Err(still_held(operation, name)),
        None => Ok(()),
    }
}

fn still_held(operation: &'static str, name: &str) -> Error {
    let message = format!("a `Tracked` guard on `{name}` is still alive; let it go first");
    Error::new(ErrorKind::Invalid, operation, message)
}

fn already_held<A: Aggregate>(key: Uuid) -> Error {
    Error::new(
        ErrorKind::Invalid,
        "find",
        format!(
            "`{}` {key} is already held by a `Tracked` guard of this unit of work; pass that guard \
             on, or let it go first",
            A::SCHEMA.name
        ),
    )
}
