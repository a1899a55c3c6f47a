//! What an adapter gives to the suites so that they can test it.

use idp_application::{Backend, BoxFuture, ChangeSet, Error, ErrorKind};
use idp_domain::{TableSchema, TenantId, Timestamp, Uuid};
use std::sync::Arc;
use std::time::Duration;

/// One store under test. Each clause gets a harness of its own: the expression given to the macro of
/// a suite is awaited once a clause.
///
/// ```
/// use idp_application::Backend;
/// use idp_conformance::{AuditColumns, Capabilities, Harness, sample};
/// use idp_domain::{TableSchema, TenantId, Uuid};
/// use std::sync::Arc;
///
/// struct MyHarness {
///     store: Arc<dyn Backend>,
/// }
///
/// impl MyHarness {
///     async fn start_with(store: Arc<dyn Backend>) -> Self {
///         store.migrate(sample::TABLES).await.expect("the tables can be made");
///         Self { store }
///     }
/// }
///
/// impl Harness for MyHarness {
///     fn backend(&self) -> Arc<dyn Backend> {
///         Arc::clone(&self.store)
///     }
///
///     async fn second_process(&self) -> Arc<dyn Backend> {
///         Arc::clone(&self.store)
///     }
///
///     fn capabilities(&self) -> Capabilities {
///         Capabilities::embedded()
///     }
///
///     async fn audit(
///         &self,
///         tenant: &TenantId,
///         table: &'static TableSchema,
///         key: Uuid,
///     ) -> Option<AuditColumns> {
///         None // an adapter looks the row up here, deleted or not
///     }
/// }
/// ```
///
/// Dropping the harness removes what it made: it may implement `Drop`. A clause that fails drops it
/// too.
pub trait Harness: Send + Sync + 'static {
    /// The store under test: migrated for [`sample::TABLES`](crate::sample::TABLES), empty at first,
    /// shared with no other clause. Every call gives a handle on the same data.
    fn backend(&self) -> Arc<dyn Backend>;

    /// Another handle on the same data, as a second process would have it: with connections of its
    /// own where there are connections.
    fn second_process(&self) -> impl Future<Output = Arc<dyn Backend>> + Send;

    /// What the store can do and what it may cost.
    fn capabilities(&self) -> Capabilities;

    /// The system columns of a row, soft-deleted or not, read without the store under test; `None`
    /// when there is no such row.
    fn audit(
        &self,
        tenant: &TenantId,
        table: &'static TableSchema,
        key: Uuid,
    ) -> impl Future<Output = Option<AuditColumns>> + Send;

    /// Moves the clock that leases expire by, and returns true. A store whose clock cannot be moved
    /// returns false: clauses then use short leases and wait for them.
    fn advance_lease_clock(&self, by: Duration) -> bool {
        let _ = by;
        false
    }

    /// Begins a commit that draws the positions of its events now and commits when the returned
    /// future is awaited, as a slow transaction would. Asked for only where
    /// [`Capabilities::concurrent_writers`] says so.
    fn begin_slow_commit(
        &self,
        changes: ChangeSet,
    ) -> impl Future<Output = BoxFuture<'static, Result<(), Error>>> + Send {
        drop(changes);
        let message = "a store with `concurrent_writers` implements `begin_slow_commit`";
        let failed = Error::new(ErrorKind::Unsupported, "begin a slow commit", message);
        let commit: BoxFuture<'static, _> = Box::pin(async { Err(failed) });
        std::future::ready(commit)
    }
}

/// What a store can do and what it may cost. A clause that needs more than a store can do prints
/// the reason and does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Transactions of several writers are open at the same time.
    pub concurrent_writers: bool,
    /// The most round trips that loading, changing and committing one aggregate may take.
    pub round_trips_update_max: u32,
    /// The most round trips that creating one aggregate may take.
    pub round_trips_create_max: u32,
}

impl Capabilities {
    /// A store in the same process, with one writer at a time.
    pub const fn embedded() -> Self {
        Self { concurrent_writers: false, round_trips_update_max: 0, round_trips_create_max: 0 }
    }

    /// A database server: one round trip to load, one to commit.
    pub const fn server() -> Self {
        Self { concurrent_writers: true, round_trips_update_max: 2, round_trips_create_max: 1 }
    }
}

/// The system columns of a row; `None` where a column is null or the table lacks it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditColumns {
    /// When the row was made.
    pub created_at: Option<Timestamp>,
    /// By whom.
    pub created_by: Option<String>,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
    /// By whom.
    pub updated_by: Option<String>,
    /// When it was soft-deleted.
    pub deleted_at: Option<Timestamp>,
    /// By whom.
    pub deleted_by: Option<String>,
}

/// Says why a clause is not tested.
#[expect(clippy::print_stdout, reason = "it is for whoever reads the output of the tests")]
pub(crate) fn skip(reason: &str) {
    println!("skipped: {reason}");
}
