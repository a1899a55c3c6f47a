//! Passing calls of a port on: what a wrapper does not care about.

/// Writes methods of a port, inside of an `impl` of it, that pass the call on to another implementation.
///
/// `delegate_port!(Port => |this| to)` writes all methods of the port. `to` is an expression over `this`,
/// the wrapper, that dereferences to what implements the port: an `Arc` of it, say.
/// `Port { one, other }` writes these methods; the rest is written by hand. With `, through method` each
/// call goes through a method of the wrapper, which gets the name of the port's method and the call that
/// is not awaited yet, and gives back what the caller gets. (Not for `EventBus`, whose methods are not
/// alike.)
///
/// A method that a port gains is written where all are; where some are named, the compiler asks for it.
///
/// ```
/// use idp_application::{
///     BoxFuture, ChangeSet, Cost, Error, ErrorKind, Migrate, Store, delegate_port,
/// };
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// /// A store of which one only reads.
/// struct ReadOnly<S: ?Sized> {
///     store: Arc<S>,
///     calls: AtomicU32,
/// }
///
/// impl<S: Store + ?Sized> Store for ReadOnly<S> {
///     delegate_port!(Store { fetch, count } => |this| this.store);
///
///     fn commit(&self, _: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
///         let error = Error::new(ErrorKind::Unsupported, "commit", "it is only read");
///         Box::pin(std::future::ready(Err(error)))
///     }
/// }
///
/// impl<S: Migrate + ?Sized> Migrate for ReadOnly<S> {
///     delegate_port!(Migrate => |this| this.store, through counted);
/// }
///
/// impl<S: ?Sized> ReadOnly<S> {
///     fn counted<'a, R>(&self, _method: &str, call: BoxFuture<'a, R>) -> BoxFuture<'a, R> {
///         self.calls.fetch_add(1, Ordering::Relaxed);
///         call
///     }
/// }
/// ```
#[macro_export]
macro_rules! delegate_port {
    (Store => $($how:tt)+) => {
        $crate::delegate_port!(Store { fetch, count, commit } => $($how)+);
    };
    (OutboxLog => $($how:tt)+) => {
        $crate::delegate_port!(OutboxLog { join, claim, read, advance, release } => $($how)+);
    };
    (Deliveries => $($how:tt)+) => {
        $crate::delegate_port!(Deliveries { blocked, record, due, settle } => $($how)+);
    };
    (TenantTracks => $($how:tt)+) => {
        $crate::delegate_port!(
            TenantTracks { tracks, split, merge, read_tracks, record_tracks } => $($how)+
        );
    };
    (TenantPolicies => $($how:tt)+) => {
        $crate::delegate_port!(
            TenantPolicies { tenant_policies, set_tenant_policy, tenant_policy_records } => $($how)+
        );
    };
    (DeadLetters => $($how:tt)+) => {
        $crate::delegate_port!(DeadLetters { parked, events, command, records } => $($how)+);
    };
    (ProjectionStore => $($how:tt)+) => {
        $crate::delegate_port!(ProjectionStore { apply, reset } => $($how)+);
    };
    (LogKeeping => $($how:tt)+) => {
        $crate::delegate_port!(
            LogKeeping { purge, readers, holds, keep, keeping_records } => $($how)+
        );
    };
    (LogLag => $($how:tt)+) => {
        $crate::delegate_port!(LogLag { lag } => $($how)+);
    };
    (EventBus => $($how:tt)+) => {
        $crate::delegate_port!(EventBus { system, guarantees, publish } => $($how)+);
    };
    (Migrate => $($how:tt)+) => {
        $crate::delegate_port!(Migrate { migrate } => $($how)+);
    };
    ($port:ident { $($method:ident),+ $(,)? } => $($how:tt)+) => {
        $crate::delegate_port!(@each $port { $($method)+ } [$($how)+]);
    };
    (@each $port:ident { $($method:ident)+ } $how:tt) => {
        $($crate::delegate_port!(@signature $port $method $how);)+
    };

    (@signature Store fetch $how:tt) => {
        $crate::delegate_port!(@write $how Store fetch(query: $crate::RowQuery) -> $crate::Fetched);
    };
    (@signature Store count $how:tt) => {
        $crate::delegate_port!(@write $how Store count(query: $crate::RowQuery) -> u64);
    };
    (@signature Store commit $how:tt) => {
        $crate::delegate_port!(@write $how Store commit(changes: $crate::ChangeSet) -> $crate::Cost);
    };

    (@signature OutboxLog join $how:tt) => {
        $crate::delegate_port!(@write $how OutboxLog join(
            reader: &'a $crate::Reader,
            worker: $crate::WorkerId,
            ttl: ::std::time::Duration
        ) -> $crate::Membership);
    };
    (@signature OutboxLog claim $how:tt) => {
        $crate::delegate_port!(@write $how OutboxLog claim(
            reader: &'a $crate::Reader,
            claim: $crate::Claim
        ) -> ::std::vec::Vec<$crate::LaneLease>);
    };
    (@signature OutboxLog read $how:tt) => {
        $crate::delegate_port!(@write $how OutboxLog read(
            leases: &'a [$crate::LaneLease],
            limit: u32
        ) -> ::std::vec::Vec<$crate::LaneBatch>);
    };
    (@signature OutboxLog advance $how:tt) => {
        $crate::delegate_port!(@write $how OutboxLog advance(
            reader: &'a $crate::Reader,
            progress: &'a [$crate::LaneProgress],
            lease_ttl: ::std::time::Duration
        ) -> ::std::vec::Vec<$crate::Lane>);
    };
    (@signature OutboxLog release $how:tt) => {
        $crate::delegate_port!(@write $how OutboxLog release(
            reader: &'a $crate::Reader,
            worker: $crate::WorkerId,
            leases: &'a [$crate::LaneLease]
        ) -> ());
    };

    (@signature Deliveries blocked $how:tt) => {
        $crate::delegate_port!(@write $how Deliveries blocked(
            reader: &'a $crate::Reader,
            lanes: &'a [$crate::Lane]
        ) -> ::std::vec::Vec<$crate::BlockedKey>);
    };
    (@signature Deliveries record $how:tt) => {
        $crate::delegate_port!(@write $how Deliveries record(
            reader: &'a $crate::Reader,
            records: &'a [$crate::LaneRecord],
            lease_ttl: ::std::time::Duration
        ) -> ::std::vec::Vec<$crate::Lane>);
    };
    (@signature Deliveries due $how:tt) => {
        $crate::delegate_port!(@write $how Deliveries due(
            reader: &'a $crate::Reader,
            leases: &'a [$crate::LaneLease],
            limit: u32
        ) -> $crate::Due);
    };
    (@signature Deliveries settle $how:tt) => {
        $crate::delegate_port!(@write $how Deliveries settle(
            reader: &'a $crate::Reader,
            settlement: &'a $crate::Settlement
        ) -> $crate::Settled);
    };

    (@signature TenantTracks tracks $how:tt) => {
        $crate::delegate_port!(@write $how TenantTracks tracks(
            reader: &'a $crate::Reader,
            leases: &'a [$crate::LaneLease]
        ) -> ::std::vec::Vec<$crate::LaneTracks>);
    };
    (@signature TenantTracks split $how:tt) => {
        $crate::delegate_port!(@write $how TenantTracks split(
            reader: &'a $crate::Reader,
            change: &'a $crate::TrackChange
        ) -> ::std::option::Option<$crate::LaneTracks>);
    };
    (@signature TenantTracks merge $how:tt) => {
        $crate::delegate_port!(@write $how TenantTracks merge(
            reader: &'a $crate::Reader,
            change: &'a $crate::TrackChange
        ) -> ::std::option::Option<$crate::LaneTracks>);
    };
    (@signature TenantTracks read_tracks $how:tt) => {
        $crate::delegate_port!(@write $how TenantTracks read_tracks(
            readings: &'a [$crate::TrackReading],
            limit: u32
        ) -> ::std::vec::Vec<$crate::TrackBatch>);
    };
    (@signature TenantTracks record_tracks $how:tt) => {
        $crate::delegate_port!(@write $how TenantTracks record_tracks(
            reader: &'a $crate::Reader,
            records: &'a [$crate::TrackRecord]
        ) -> ::std::vec::Vec<$crate::Lane>);
    };

    (@signature TenantPolicies tenant_policies $how:tt) => {
        $crate::delegate_port!(@write $how TenantPolicies tenant_policies(
            reader: &'a str
        ) -> ::std::vec::Vec<$crate::TenantPolicy>);
    };
    (@signature TenantPolicies set_tenant_policy $how:tt) => {
        $crate::delegate_port!(@write $how TenantPolicies set_tenant_policy(
            reader: &'a str,
            order: &'a $crate::TenantPolicyOrder
        ) -> ());
    };
    (@signature TenantPolicies tenant_policy_records $how:tt) => {
        $crate::delegate_port!(@write $how TenantPolicies tenant_policy_records(
            reader: &'a str,
            limit: u32
        ) -> ::std::vec::Vec<$crate::TenantPolicyRecord>);
    };

    (@signature DeadLetters parked $how:tt) => {
        $crate::delegate_port!(@write $how DeadLetters parked(
            reader: &'a str,
            tenant: ::std::option::Option<&'a $crate::__domain::TenantId>,
            after: ::std::option::Option<&'a $crate::DeliveryKey>,
            limit: u32
        ) -> ::std::vec::Vec<$crate::ParkedKey>);
    };
    (@signature DeadLetters events $how:tt) => {
        $crate::delegate_port!(@write $how DeadLetters events(
            reader: &'a str,
            key: &'a $crate::DeliveryKey
        ) -> ::std::vec::Vec<$crate::ParkedEvent>);
    };
    (@signature DeadLetters command $how:tt) => {
        $crate::delegate_port!(@write $how DeadLetters command(
            reader: &'a str,
            command: &'a $crate::DeadLetterCommand
        ) -> ());
    };
    (@signature DeadLetters records $how:tt) => {
        $crate::delegate_port!(@write $how DeadLetters records(
            reader: &'a str,
            limit: u32
        ) -> ::std::vec::Vec<$crate::DeadLetterRecord>);
    };

    (@signature ProjectionStore apply $how:tt) => {
        $crate::delegate_port!(@write $how ProjectionStore apply(
            batch: $crate::ProjectionBatch
        ) -> $crate::Applied);
    };
    (@signature ProjectionStore reset $how:tt) => {
        $crate::delegate_port!(@write $how ProjectionStore reset(
            reader: &'a $crate::Reader,
            epoch: i64,
            table: &'static $crate::__domain::TableSchema
        ) -> $crate::Applied);
    };

    (@signature LogKeeping purge $how:tt) => {
        $crate::delegate_port!(@write $how LogKeeping purge(
            policy: &'a $crate::PurgePolicy
        ) -> $crate::PurgeReport);
    };
    (@signature LogKeeping readers $how:tt) => {
        $crate::delegate_port!(
            @write $how LogKeeping readers() -> ::std::vec::Vec<$crate::ReaderStatus>
        );
    };
    (@signature LogKeeping holds $how:tt) => {
        $crate::delegate_port!(
            @write $how LogKeeping holds() -> ::std::vec::Vec<$crate::LogHold>
        );
    };
    (@signature LogKeeping keep $how:tt) => {
        $crate::delegate_port!(@write $how LogKeeping keep(
            command: &'a $crate::KeepingCommand
        ) -> ());
    };
    (@signature LogKeeping keeping_records $how:tt) => {
        $crate::delegate_port!(@write $how LogKeeping keeping_records(
            limit: u32
        ) -> ::std::vec::Vec<$crate::KeepingRecord>);
    };

    (@signature LogLag lag $how:tt) => {
        $crate::delegate_port!(@write $how LogLag lag(
            bounds: &'a $crate::LagBounds
        ) -> $crate::LagReport);
    };

    (@signature EventBus system [|$this:ident| $to:expr]) => {
        fn system(&self) -> &'static str {
            let $this = self;
            $crate::EventBus::system(&*$to)
        }
    };
    (@signature EventBus guarantees [|$this:ident| $to:expr]) => {
        fn guarantees(&self) -> $crate::BusGuarantees {
            let $this = self;
            $crate::EventBus::guarantees(&*$to)
        }
    };
    (@signature EventBus publish [|$this:ident| $to:expr]) => {
        fn publish<'a>(
            &'a self,
            messages: &'a [$crate::Message],
        ) -> $crate::BoxFuture<'a, ::std::result::Result<(), $crate::PublishError>> {
            let $this = self;
            $crate::EventBus::publish(&*$to, messages)
        }
    };

    (@signature Migrate migrate $how:tt) => {
        $crate::delegate_port!(@write $how Migrate migrate(
            tables: &'a [&'static $crate::__domain::TableSchema]
        ) -> ());
    };

    (
        @write [|$this:ident| $to:expr]
        $port:ident $method:ident($($name:ident: $kind:ty),*) -> $done:ty
    ) => {
        fn $method<'a>(
            &'a self,
            $($name: $kind),*
        ) -> $crate::BoxFuture<'a, ::std::result::Result<$done, $crate::Error>> {
            let $this = self;
            $crate::$port::$method(&*$to, $($name),*)
        }
    };
    (
        @write [|$this:ident| $to:expr, through $through:ident]
        $port:ident $method:ident($($name:ident: $kind:ty),*) -> $done:ty
    ) => {
        fn $method<'a>(
            &'a self,
            $($name: $kind),*
        ) -> $crate::BoxFuture<'a, ::std::result::Result<$done, $crate::Error>> {
            let $this = self;
            $this.$through(stringify!($method), $crate::$port::$method(&*$to, $($name),*))
        }
    };
}
