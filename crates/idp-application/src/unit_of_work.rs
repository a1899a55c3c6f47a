//! The unit of work: what one use case reads and changes, committed as a whole (Fowler, *Patterns
//! of Enterprise Application Architecture*, 2002).
//!
//! # Protocol
//! Reads before the commit run without a transaction. Changes stay in memory until the commit, which
//! sends everything at once: rows first, each with the version it was loaded with, the events last.
//! Whoever commits second on the same version gets a conflict. So no transaction, lock or connection
//! is held between two calls, and dropping a unit of work at any point leaves nothing to undo.
//!
//! | crash window | outcome |
//! |---|---|
//! | before the commit is sent | nothing happened |
//! | commit sent, answer lost | all or nothing happened; the error says that the outcome is unknown |
//! | committed, before readers were rung | readers find the events when they poll |

use crate::application::Services;
use crate::collect::{Collector, check};
use crate::identity_map::{IdentityMap, Lookup, Savepoint};
use crate::overlay;
use crate::repository::{Listing, TrackedRepository};
use crate::slot::Intent;
use crate::tracked::Tracked;
use crate::{
    ChangeSet, Context, Cost, Error, ErrorKind, Fetched, OrderBy, OrderKey, RowQuery, Scope,
    TraceContext, UnitOfWorkSeen, Visibility,
};
use idp_domain::{Aggregate, EntityId, Timestamp, Uuid, Value};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tracing::{Instrument, Span};

/// A handle on the unit of work of one use case. Clones share it; pass it by value.
#[derive(Clone)]
pub struct Uow {
    inner: Arc<Inner>,
}

struct Inner {
    services: Arc<Services>,
    context: Context,
    map: IdentityMap,
    cost: Mutex<Cost>,
    read_only: bool,
    closed: AtomicBool,
    conflicted: AtomicBool,
}

impl Uow {
    pub(crate) fn new(services: Arc<Services>, context: Context, read_only: bool) -> Self {
        let inner = Inner {
            services,
            context,
            map: IdentityMap::default(),
            cost: Mutex::default(),
            read_only,
            closed: AtomicBool::new(false),
            conflicted: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Who is asking.
    pub fn context(&self) -> &Context {
        &self.inner.context
    }

    /// The present instant, by the clock of the application.
    pub fn now(&self) -> Timestamp {
        self.inner.services.clock.now()
    }

    /// A new identity, from the id source of the application.
    pub fn new_id<I: EntityId>(&self) -> I {
        I::from_uuid(self.inner.services.ids.next(self.now()))
    }

    /// The repository of one kind of aggregate.
    pub fn repository<A: Aggregate>(&self) -> TrackedRepository<A> {
        TrackedRepository::new(self.clone())
    }

    /// See [`Repository::get`](crate::Repository::get).
    pub async fn get<A: Aggregate>(&self, id: A::Id) -> Result<Tracked<A>, Error> {
        self.find(id).await?.ok_or_else(|| {
            let message = format!("there is no `{}` {id}", A::SCHEMA.name);
            Error::new(ErrorKind::NotFound, "get", message)
        })
    }

    /// See [`Repository::find`](crate::Repository::find).
    pub async fn find<A: Aggregate>(&self, id: A::Id) -> Result<Option<Tracked<A>>, Error> {
        self.load(id.uuid(), Visibility::Live).await
    }

    /// The soft-deleted aggregate with that identity, which will live again after the commit.
    /// An aggregate that is not deleted is given back as it is.
    pub async fn restore<A: Aggregate>(&self, id: A::Id) -> Result<Tracked<A>, Error> {
        if let Some(live) = self.find(id).await? {
            return Ok(live);
        }
        let found = self.load::<A>(id.uuid(), Visibility::WithDeleted).await?;
        let mut tracked = found.ok_or_else(|| {
            let message = format!("there is no `{}` {id}, deleted or not", A::SCHEMA.name);
            Error::new(ErrorKind::NotFound, "restore", message)
        })?;
        tracked.intend(Intent::Restore);
        Ok(tracked)
    }

    /// See [`Repository::list`](crate::Repository::list).
    pub async fn list<A: Aggregate>(&self, listing: Listing<A>) -> Result<Vec<Tracked<A>>, Error> {
        let known = u32::try_from(self.inner.map.slots_of::<A>()?.len()).unwrap_or(u32::MAX);
        let order = listing.order.iter().map(|order| OrderBy {
            key: OrderKey::Column(order.column()),
            direction: order.direction(),
        });
        let query = RowQuery {
            predicate: listing.specification.predicate().clone(),
            limit: listing.limit.map(|limit| limit.saturating_add(known)),
            ..RowQuery::all(A::SCHEMA, self.scope())
        };
        let rows = self.fetch(query.with_order(order.collect())).await?;
        overlay::merge(&self.inner.map, &listing, rows.rows)
    }

    /// See [`Repository::add`](crate::Repository::add).
    pub fn add<A: Aggregate>(&self, aggregate: A) -> Result<(), Error> {
        self.ensure_open("add")?;
        self.inner.map.add(aggregate)
    }

    /// See [`Repository::remove`](crate::Repository::remove).
    pub fn remove<A: Aggregate>(&self, mut aggregate: Tracked<A>) {
        aggregate.intend(Intent::Remove);
    }

    /// Deletes the row of the aggregate at the commit, soft delete or not.
    pub fn erase<A: Aggregate>(&self, mut aggregate: Tracked<A>) {
        aggregate.intend(Intent::Erase);
    }

    /// The state of the unit of work as it is now. Fails while a [`Tracked`] guard is alive.
    pub fn savepoint(&self) -> Result<Savepoint, Error> {
        self.ensure_open("savepoint")?;
        self.inner.map.savepoint()
    }

    /// Undoes what happened since the savepoint, events included; what was done before it stays.
    /// Nothing has been sent to the store, so this costs it nothing. Fails while a [`Tracked`] guard
    /// is alive. A savepoint of another unit of work makes this one forget its aggregates.
    pub fn rollback_to(&self, savepoint: Savepoint) -> Result<(), Error> {
        self.ensure_open("roll back to a savepoint")?;
        self.inner.map.rollback_to(savepoint)
    }

    /// What the unit of work cost so far.
    pub fn cost(&self) -> Cost {
        *self.lock_cost()
    }

    /// Whether an operation of this unit of work ended in a conflict.
    pub(crate) fn is_conflicted(&self) -> bool {
        self.inner.conflicted.load(Ordering::Acquire)
    }

    pub(crate) fn close(&self) {
        self.inner.closed.store(true, Ordering::Release);
    }

    pub(crate) async fn commit(&self) -> Result<Receipt, Error> {
        self.ensure_open("commit")?;
        self.close();
        let changes = self.changes()?;
        let events = changes.events.len();
        if changes.is_empty() {
            return Ok(Receipt { cost: self.cost(), events });
        }
        if self.inner.read_only {
            let message = "a read-only unit of work has changes";
            return Err(Error::new(ErrorKind::Invalid, "commit", message));
        }
        let cost = self.write(changes).await?;
        *self.lock_cost() += cost;
        if events > 0 {
            self.inner.services.committed.ring();
        }
        Ok(Receipt { cost: self.cost(), events })
    }

    async fn write(&self, changes: ChangeSet) -> Result<Cost, Error> {
        let services = &self.inner.services;
        let events = changes.events.len();
        let span = create_span(&self.inner.context, events);
        let began = Instant::now();
        let written = services.store.commit(changes).instrument(span).await;
        let took = began.elapsed();
        let cost = self.note_conflict(written)?;
        services.audience.tell(|observer| {
            let events = u64::try_from(events).unwrap_or(u64::MAX);
            let tenant = self.inner.context.tenant();
            observer.observe(UnitOfWorkSeen::Committed { tenant, events, took });
        });
        Ok(cost)
    }

    fn changes(&self) -> Result<ChangeSet, Error> {
        let Inner { services, context, map, .. } = &*self.inner;
        let now = services.clock.now();
        let hasher = services.hashing.hasher(context.tenant());
        let ids = &*services.ids;
        let collected = map.collect(&Collector { context, now, ids, hasher: &hasher })?;
        let mut changes = ChangeSet {
            tenant: context.tenant().clone(),
            writes: collected.writes,
            events: collected.events,
        };
        for write in &mut changes.writes {
            services.interceptors.on_write(write, context, now)?;
        }
        Ok(changes)
    }

    async fn load<A: Aggregate>(
        &self,
        key: Uuid,
        visibility: Visibility,
    ) -> Result<Option<Tracked<A>>, Error> {
        self.ensure_open("find")?;
        let known = self.inner.map.lookup(key)?;
        self.inner.services.audience.tell(|observer| {
            let is_known = !matches!(known, Lookup::Unknown);
            observer.observe(UnitOfWorkSeen::LookedUp { is_known });
        });
        match known {
            Lookup::Known(tracked) => return Ok(Some(tracked)),
            Lookup::Leaving => return Ok(None),
            Lookup::Unknown => {}
        }
        let query = RowQuery::by_key(A::SCHEMA, self.scope(), Value::Uuid(key));
        let mut rows = self.fetch(RowQuery { visibility, ..query }).await?.rows;
        match rows.pop() {
            Some(row) => self.inner.map.admit(overlay::entry_of::<A>(row)?),
            None => Ok(None),
        }
    }

    async fn fetch(&self, query: RowQuery) -> Result<Fetched, Error> {
        self.ensure_open("find")?;
        let fetched = self.note_conflict(self.inner.services.fetch(query).await)?;
        *self.lock_cost() += fetched.cost;
        Ok(fetched)
    }

    fn scope(&self) -> Scope {
        Scope::Tenant(self.inner.context.tenant().clone())
    }

    fn note_conflict<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) {
            self.inner.conflicted.store(true, Ordering::Release);
            let audience = &self.inner.services.audience;
            audience.tell(|observer| observer.observe(UnitOfWorkSeen::Conflicted));
        }
        result
    }

    fn ensure_open(&self, operation: &'static str) -> Result<(), Error> {
        if self.inner.closed.load(Ordering::Acquire) {
            let message = "the unit of work has ended; start another";
            return Err(Error::new(ErrorKind::Invalid, operation, message));
        }
        Ok(())
    }

    fn lock_cost(&self) -> MutexGuard<'_, Cost> {
        self.inner.cost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The span in which events are created: OpenTelemetry's `create`, for all of a unit of work at once.
/// One that raises none has none.
fn create_span(context: &Context, events: usize) -> Span {
    if events == 0 {
        return Span::none();
    }
    let trace = TraceContext::of(context.metadata());
    tracing::info_span!(
        "create",
        otel.name = "create outbox",
        otel.kind = "producer",
        messaging.system = "idp",
        messaging.destination.name = "outbox",
        messaging.operation.name = "create",
        messaging.operation.type = "create",
        messaging.batch.message_count = events,
        tenant = %context.tenant(),
        trace_id = trace.as_ref().map(TraceContext::trace_id),
        parent_span_id = trace.as_ref().map(TraceContext::span_id),
    )
}

impl Services {
    /// Runs a query through the interceptors, and checks that the store kept to the scope.
    pub(crate) async fn fetch(&self, mut query: RowQuery) -> Result<Fetched, Error> {
        self.prepare(&mut query)?;
        let scope = query.scope.clone();
        let table = query.table;
        let fetched = self.store.fetch(query).await?;
        if fetched.rows.iter().all(|row| scope.covers(&row.tenant)) {
            return Ok(fetched);
        }
        let message = format!("the store gave a row of `{}` of another tenant", table.name);
        Err(Error::new(ErrorKind::Corrupt, "read", message))
    }

    pub(crate) fn prepare(&self, query: &mut RowQuery) -> Result<(), Error> {
        self.interceptors.on_read(query)?;
        let mut fault = Ok(());
        query.predicate.for_each_value(&mut |column, value| {
            if fault.is_ok() {
                fault = check(query.table, query.table.columns[column].name, value);
            }
        });
        fault
    }
}

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What the unit of work cost in all.
    pub cost: Cost,
    /// How many events it wrote.
    pub events: usize,
}

/// A unit of work that the caller ends: with [`commit`](UnitOfWork::commit), or without, which
/// writes nothing. Where a closure will do, [`Application::run`](crate::Application::run) is better:
/// it also retries.
#[must_use = "a unit of work that is dropped writes nothing"]
pub struct UnitOfWork {
    uow: Uow,
}

impl UnitOfWork {
    pub(crate) fn new(uow: Uow) -> Self {
        Self { uow }
    }

    /// A handle to pass to a use case.
    pub fn handle(&self) -> Uow {
        self.uow.clone()
    }

    /// Writes everything that changed and every event raised, or nothing.
    ///
    /// Fails with [`Conflict`](ErrorKind::Conflict) when somebody else changed one of the aggregates
    /// since it was loaded, with [`Duplicate`](ErrorKind::Duplicate) when a unique key is taken, and
    /// with [`Invalid`](ErrorKind::Invalid) while a [`Tracked`] guard is alive.
    pub async fn commit(self) -> Result<Receipt, Error> {
        self.uow.commit().await
    }

    /// Ends it and writes nothing; the same as dropping it.
    pub fn rollback(self) {}
}

impl Deref for UnitOfWork {
    type Target = Uow;

    fn deref(&self) -> &Uow {
        &self.uow
    }
}

impl Drop for UnitOfWork {
    fn drop(&mut self) {
        self.uow.close();
    }
}
