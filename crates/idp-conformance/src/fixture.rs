//! What clauses begin with: tenants, identities, applications, and aggregates that are there already.

use crate::sample::{Counter, CounterId, Parcel, ParcelId};
use idp_application::{
    Actor, Application, Backend, Context, Error, ErrorKind, RetryPolicy, UnitOfWork,
};
use idp_domain::{Aggregate, EntityId, Record, TenantId, Uuid, Value};
use std::sync::Arc;
use std::time::Duration;

/// The tenant of that name.
pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("clauses use valid names")
}

/// Ann, who works for that tenant.
pub(crate) fn ann_of(name: &str) -> Context {
    Context::new(tenant(name), Actor::new("ann"))
}

/// Ann of the tenant that most clauses are about.
pub(crate) fn ann() -> Context {
    ann_of("acme")
}

/// An application over the store, as it usually is.
pub(crate) fn application(backend: &Arc<dyn Backend>) -> Application {
    Application::new(Arc::clone(backend) as Arc<dyn idp_application::Store>)
}

/// An application that runs a use case again until it gets through.
pub(crate) fn patient_application(backend: &Arc<dyn Backend>) -> Application {
    Application::builder(Arc::clone(backend) as Arc<dyn idp_application::Store>)
        .retry(RetryPolicy {
            attempts_max: 10_000,
            pause_min: Duration::from_millis(1),
            pause_max: Duration::from_millis(20),
        })
        .build()
}

/// The counter of that number.
pub(crate) fn counter_id(number: u128) -> CounterId {
    CounterId::from_uuid(Uuid::from_u128(number))
}

/// The parcel of that number.
pub(crate) fn parcel_id(number: u128) -> ParcelId {
    ParcelId::from_uuid(Uuid::from_u128(number))
}

/// Adds what the closure adds, in one unit of work.
pub(crate) async fn given(
    app: &Application,
    context: &Context,
    add: impl FnOnce(&UnitOfWork) -> Result<(), Error>,
) {
    let unit = app.begin(context.clone());
    add(&unit).expect("the aggregates can be added");
    unit.commit().await.expect("the aggregates can be written");
}

/// A new counter of that number.
pub(crate) async fn given_counter(app: &Application, context: &Context, number: u128) -> CounterId {
    given(app, context, |unit| unit.add(Counter::new(counter_id(number)))).await;
    counter_id(number)
}

/// A newly registered parcel of that number.
pub(crate) async fn given_parcel(app: &Application, context: &Context, number: u128) -> ParcelId {
    given(app, context, |unit| unit.add(Parcel::registered(parcel_id(number)))).await;
    parcel_id(number)
}

/// The aggregate as a new unit of work finds it, with its version.
pub(crate) async fn stored<A: Aggregate>(
    app: &Application,
    context: &Context,
    id: A::Id,
) -> Option<(A, i64)> {
    let unit = app.begin_read_only(context.clone());
    let found = unit.find::<A>(id).await.expect("the store can be read");
    found.map(|tracked| ((*tracked).clone(), tracked.version()))
}

/// How far the counter has counted, and its version.
pub(crate) async fn count_of(app: &Application, context: &Context, id: CounterId) -> (i64, i64) {
    let (counter, version) =
        stored::<Counter>(app, context, id).await.expect("the counter is there");
    (counter.count, version)
}

/// Counts one on, in a unit of work of its own.
pub(crate) async fn count_on(app: &Application, context: &Context, id: CounterId) {
    app.run(context.clone(), |uow| async move {
        uow.get::<Counter>(id).await?.count_on();
        Ok::<_, Error>(())
    })
    .await
    .expect("the counter can count on");
}

/// The values of all columns.
pub(crate) fn values_of<R: Record>(record: &R) -> Vec<Value> {
    (0..R::SCHEMA.columns.len()).map(|column| record.value(column)).collect()
}

/// The error with which something failed, which has to be of that kind.
#[track_caller]
pub(crate) fn refused<T>(result: Result<T, Error>, kind: ErrorKind) -> Error {
    let Err(error) = result else { panic!("it succeeded, it should fail with `{}`", kind.code()) };
    assert_eq!(error.kind(), kind, "{error} ({error:?})");
    error
}
