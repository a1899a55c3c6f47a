//! The collection of one kind of aggregate, as a use case sees it.

use crate::tracked::Tracked;
use crate::{Error, Uow};
use idp_domain::{Aggregate, Order, OrderOf, Specification, SpecificationOf};
use std::marker::PhantomData;

/// Which aggregates to list, in which order.
pub struct Listing<A> {
    pub(crate) specification: Specification<A>,
    pub(crate) order: Vec<Order<A>>,
    pub(crate) limit: Option<u32>,
}

impl<A: Aggregate> Listing<A> {
    /// Those that satisfy the specification, by identity.
    pub fn of(specification: impl SpecificationOf<A>) -> Self {
        let specification = specification.into_specification();
        Self { specification, order: Vec::new(), limit: None }
    }

    /// Sorts by this, after what it is sorted by already. Ties are broken by identity.
    pub fn by(mut self, order: impl OrderOf<A>) -> Self {
        self.order.push(order.into_order());
        self
    }

    /// At most that many.
    pub fn first(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// The aggregates of one kind in the tenant of the unit of work. There is no `update`: state changes
/// through the aggregate's own methods, and the unit of work sees it.
///
/// Finders with a meaning are written once, as provided methods of a trait on top of it, and run on
/// every store:
///
/// ```
/// # use idp_application::{Error, Listing, Repository, Tracked};
/// # use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};
/// # entity_id! { pub struct RoutePlanId; }
/// # #[derive(DomainEvent, Clone, Debug)]
/// # pub enum RoutePlanEvent { #[event(name = "route_plan.created")] Created }
/// # #[derive(Aggregate, Clone, Debug)]
/// # #[aggregate(name = "route_plan")]
/// # pub struct RoutePlan {
/// #     id: RoutePlanId,
/// #     ready: bool,
/// #     priority: i32,
/// #     events: Pending<RoutePlanEvent>,
/// # }
/// pub trait RoutePlans: Repository<RoutePlan> {
///     fn ready(
///         &self,
///         limit: u32,
///     ) -> impl Future<Output = Result<Vec<Tracked<RoutePlan>>, Error>> + Send {
///         let ready = RoutePlan::READY.eq(true);
///         self.list(Listing::of(ready).by(RoutePlan::PRIORITY.desc()).first(limit))
///     }
/// }
///
/// impl<R: Repository<RoutePlan>> RoutePlans for R {}
/// ```
pub trait Repository<A: Aggregate>: Send + Sync {
    /// The aggregate with that identity, or `None`.
    fn find(&self, id: A::Id) -> impl Future<Output = Result<Option<Tracked<A>>, Error>> + Send;

    /// The aggregate with that identity. Fails with [`NotFound`](crate::ErrorKind::NotFound) when
    /// the tenant has none.
    fn get(&self, id: A::Id) -> impl Future<Output = Result<Tracked<A>, Error>> + Send;

    /// The aggregates of a listing, as they are in this unit of work: what it changed or added and
    /// has not yet committed counts.
    fn list(
        &self,
        listing: Listing<A>,
    ) -> impl Future<Output = Result<Vec<Tracked<A>>, Error>> + Send;

    /// Takes in a new aggregate; it is written at the commit.
    fn add(&self, aggregate: A) -> Result<(), Error>;

    /// Removes the aggregate at the commit: marks it where it has soft delete, else deletes it.
    fn remove(&self, aggregate: Tracked<A>);
}

/// The repository of a [`Uow`].
pub struct TrackedRepository<A> {
    uow: Uow,
    _aggregate: PhantomData<fn(A)>,
}

impl<A: Aggregate> TrackedRepository<A> {
    pub(crate) fn new(uow: Uow) -> Self {
        Self { uow, _aggregate: PhantomData }
    }

    /// Cannot be called: nothing is [`Updatable`]. It is here so that the compiler says what to do
    /// instead.
    #[doc(hidden)]
    pub fn update<T: Updatable>(&self, aggregate: T) {
        drop(aggregate);
    }
}

/// Implemented by nothing: a repository has no `update`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a repository has no `update`",
    label = "not needed",
    note = "change the aggregate through its own methods: the unit of work sees what changed and \
            writes it at the commit"
)]
pub trait Updatable {}

impl<A: Aggregate> Repository<A> for TrackedRepository<A> {
    async fn find(&self, id: A::Id) -> Result<Option<Tracked<A>>, Error> {
        self.uow.find(id).await
    }

    async fn get(&self, id: A::Id) -> Result<Tracked<A>, Error> {
        self.uow.get(id).await
    }

    async fn list(&self, listing: Listing<A>) -> Result<Vec<Tracked<A>>, Error> {
        self.uow.list(listing).await
    }

    fn add(&self, aggregate: A) -> Result<(), Error> {
        self.uow.add(aggregate)
    }

    fn remove(&self, aggregate: Tracked<A>) {
        self.uow.remove(aggregate);
    }
}
