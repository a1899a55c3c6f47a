//! Runs use cases, each in a unit of work.

use crate::authority::Seal;
use crate::{
    AdminAuthority, Audience, Clock, CommitSignal, ContentHashing, Context, Error, IdSource,
    Interceptor, Interceptors, PlainHashing, Reads, RetryPolicy, Scope, Store, SystemClock,
    UnitOfWork, UnitOfWorkObserver, Uow, UuidV7Ids,
};
use std::sync::Arc;

/// What an application has in common for all of its use cases.
pub(crate) struct Services {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) hashing: Arc<dyn ContentHashing>,
    pub(crate) interceptors: Interceptors,
    pub(crate) committed: CommitSignal,
    pub(crate) retry: RetryPolicy,
    pub(crate) audience: Audience<dyn UnitOfWorkObserver>,
    pub(crate) seal: Seal,
}

/// The way into a store for everything that has a context. Clones share it.
#[derive(Clone)]
pub struct Application {
    services: Arc<Services>,
}

impl Application {
    /// An application over a store, with everything else as it usually is.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self::builder(store).build()
    }

    /// To choose clock, ids, interceptors and the like.
    pub fn builder(store: Arc<dyn Store>) -> ApplicationBuilder {
        ApplicationBuilder {
            services: Services {
                store,
                clock: Arc::new(SystemClock),
                ids: Arc::new(UuidV7Ids::default()),
                hashing: Arc::new(PlainHashing),
                interceptors: Interceptors::default(),
                committed: CommitSignal::default(),
                retry: RetryPolicy::default(),
                audience: Audience::default(),
                seal: Seal::default(),
            },
        }
    }

    /// Runs a use case and commits what it changed; on its error nothing is written.
    ///
    /// When somebody else changed one of its aggregates meanwhile, the use case runs again from the
    /// start, on fresh aggregates, as the [`RetryPolicy`] allows. So it must not do anything that
    /// cannot be done twice: what reaches the outside belongs into an event. A commit whose outcome
    /// is unknown is not run again.
    pub async fn run<T, E, F, R>(&self, context: Context, use_case: F) -> Result<T, E>
    where
        F: Fn(Uow) -> R,
        R: Future<Output = Result<T, E>>,
        E: From<Error>,
    {
        let mut attempt = 1;
        loop {
            let unit = self.begin(context.clone());
            let handle = unit.handle();
            let result = match use_case(unit.handle()).await {
                Ok(value) => unit.commit().await.map(|_| value).map_err(E::from),
                Err(error) => {
                    unit.rollback();
                    Err(error)
                }
            };
            if result.is_ok()
                || !handle.is_conflicted()
                || attempt >= self.services.retry.attempts_max
            {
                return result;
            }
            tracing::debug!(attempt, tenant = %context.tenant(), "conflict: the use case runs again");
            self.pause_after(attempt).await;
            attempt += 1;
        }
    }

    /// Begins a unit of work that the caller ends.
    pub fn begin(&self, context: Context) -> UnitOfWork {
        UnitOfWork::new(Uow::new(Arc::clone(&self.services), context, false))
    }

    /// Begins a unit of work that may not change anything: its commit fails when it did.
    pub fn begin_read_only(&self, context: Context) -> UnitOfWork {
        UnitOfWork::new(Uow::new(Arc::clone(&self.services), context, true))
    }

    /// The read models, as the tenant of the context sees them.
    pub fn reads(&self, context: &Context) -> Reads {
        Reads::new(Arc::clone(&self.services), Scope::Tenant(context.tenant().clone()))
    }

    /// The read models of all tenants. Fails when the authority is not one of this application.
    pub fn reads_of_all_tenants(&self, authority: &AdminAuthority) -> Result<Reads, Error> {
        let scope = self.services.seal.open(authority)?;
        Ok(Reads::new(Arc::clone(&self.services), scope))
    }

    /// Rung after each commit that wrote events.
    pub fn committed(&self) -> &CommitSignal {
        &self.services.committed
    }

    async fn pause_after(&self, attempt: u32) {
        // The last bits of a UUID of version 7 are random.
        let id = self.services.ids.next(self.services.clock.now());
        let random = u16::from_be_bytes([id.as_bytes()[14], id.as_bytes()[15]]);
        tokio::time::sleep(self.services.retry.pause_after(attempt, random)).await;
    }
}

/// Makes an [`Application`].
pub struct ApplicationBuilder {
    services: Services,
}

impl ApplicationBuilder {
    /// Tells the time by another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.services.clock = clock;
        self
    }

    /// Draws identities from another source.
    pub fn ids(mut self, ids: Arc<dyn IdSource>) -> Self {
        self.services.ids = ids;
        self
    }

    /// Seals events in another way.
    pub fn hashing(mut self, hashing: Arc<dyn ContentHashing>) -> Self {
        self.services.hashing = hashing;
        self
    }

    /// Adds an interceptor behind the others.
    pub fn interceptor(mut self, interceptor: impl Interceptor) -> Self {
        self.services.interceptors.push(interceptor);
        self
    }

    /// Retries conflicts in another way.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.services.retry = retry;
        self
    }

    /// Tells somebody what the units of work do.
    pub fn observer(mut self, observer: Arc<dyn UnitOfWorkObserver>) -> Self {
        self.services.audience = Audience::of(observer);
        self
    }

    /// The right to read across tenants of the application to be built. For the bootstrap only;
    /// what gets it can look at everything.
    pub fn admin_authority(&self) -> AdminAuthority {
        AdminAuthority::new(self.services.seal.clone())
    }

    /// The application.
    pub fn build(self) -> Application {
        Application { services: Arc::new(self.services) }
    }
}
