//! What the store says when it refuses: the messages name what is meant.

use idp_application::{
    Backend, ChangeSet, Error, ErrorKind, Migrate, OutboxLog, Reader, RowQuery, RowWrite, Scope,
    Sharding, Store, SystemColumn, WorkerId, WriteKind,
};
use idp_conformance::sample::{BoardRow, Counter, Parcel, ParcelId, TABLES};
use idp_domain::{EntityId, Record, TableSchema, TenantId, Uuid, Value};
use idp_memory::MemoryStore;
use std::time::Duration;

fn acme() -> TenantId {
    TenantId::new("acme").expect("valid")
}

async fn store() -> MemoryStore {
    let store = MemoryStore::default();
    store.migrate(TABLES).await.expect("a new store has no tables");
    store
}

fn insert(number: u128, reference: &str) -> RowWrite {
    let mut parcel = Parcel::registered(ParcelId::from_uuid(Uuid::from_u128(number)));
    parcel.reference = reference.into();
    let values = (0..Parcel::SCHEMA.columns.len()).map(|column| parcel.value(column)).collect();
    write(Parcel::SCHEMA, number, WriteKind::Insert { values })
}

fn write(table: &'static TableSchema, number: u128, kind: WriteKind) -> RowWrite {
    RowWrite { table, key: Uuid::from_u128(number), kind, stamps: vec![] }
}

async fn commit(store: &dyn Backend, write: RowWrite) -> Result<(), Error> {
    let changes = ChangeSet { tenant: acme(), writes: vec![write], events: vec![] };
    store.commit(changes).await.map(|_| ())
}

#[track_caller]
fn check(result: Result<(), Error>, kind: ErrorKind, message: &str) {
    let error = result.expect_err("it is refused");
    assert_eq!((error.kind(), error.message()), (kind, message));
}

#[tokio::test]
async fn a_duplicate_names_the_table_and_the_columns() {
    let store = store().await;
    commit(&store, insert(1, "R1")).await.expect("new");
    let taken = "`parcel` with this `reference` exists already";
    check(commit(&store, insert(2, "R1")).await, ErrorKind::Duplicate, taken);
    let taken = "`parcel` with this `id` exists already";
    check(commit(&store, insert(1, "R2")).await, ErrorKind::Duplicate, taken);
}

#[tokio::test]
async fn a_conflict_names_the_aggregate_and_its_key() {
    let store = store().await;
    let stale = write(Counter::SCHEMA, 7, WriteKind::Delete { expected: 1 });
    let message = "`counter` 00000000-0000-0000-0000-000000000007 was changed by somebody else";
    check(commit(&store, stale).await, ErrorKind::Conflict, message);
}

#[tokio::test]
async fn a_table_that_was_not_migrated_is_named() {
    let store = MemoryStore::default();
    let message = "there is no table `parcel`: give its schema to `migrate` first";
    check(commit(&store, insert(1, "R1")).await, ErrorKind::Invalid, message);
    let query = RowQuery::all(Parcel::SCHEMA, Scope::Tenant(acme()));
    check(store.fetch(query.clone()).await.map(|_| ()), ErrorKind::Invalid, message);
    check(store.count(query).await.map(|_| ()), ErrorKind::Invalid, message);
}

#[tokio::test]
async fn a_system_column_that_the_table_lacks_is_named() {
    let store = store().await;
    let values = vec![Value::Uuid(Uuid::from_u128(1)), Value::Null, Value::Int(0)];
    let mut counter = write(Counter::SCHEMA, 1, WriteKind::Insert { values });
    counter.stamp(SystemColumn::DeletedBy, Value::Null);
    let message = "`counter` has no column `deleted_by`";
    check(commit(&store, counter).await, ErrorKind::Invalid, message);
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_column_is_refused() {
    let store = store().await;
    let key = || Value::Uuid(Uuid::from_u128(1));
    for values in [
        vec![key(), Value::Null],
        vec![key(), Value::Null, Value::Null],
        vec![key(), Value::Int(1), Value::Int(1)],
        vec![key(), Value::Text("a\0b".into()), Value::Int(1)],
    ] {
        let counter = write(Counter::SCHEMA, 1, WriteKind::Insert { values });
        let error = commit(&store, counter).await.expect_err("it does not fit");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("`counter`"), "{error}");
    }
    let query = RowQuery::all(BoardRow::SCHEMA, Scope::Tenant(acme()));
    assert_eq!(store.count(query).await.expect("the store is usable"), 0);
}

#[tokio::test]
async fn a_reader_cannot_change_how_it_shares_the_log() {
    let store = store().await;
    let join = async |sharding| {
        let reader = Reader { name: "relay".into(), sharding };
        store.join(&reader, WorkerId(Uuid::nil()), Duration::from_secs(1)).await.map(|_| ())
    };
    join(Sharding::ByLane).await.expect("new");
    let message = "the reader `relay` has positions for ByLane, not for Whole";
    check(join(Sharding::Whole).await, ErrorKind::Invalid, message);
}

#[tokio::test]
async fn a_commit_that_fails_after_it_moved_a_unique_key_moves_it_back() {
    let store = store().await;
    commit(&store, insert(1, "R1")).await.expect("new");
    let mut columns = idp_domain::ColumnSet::EMPTY;
    columns.insert_if(Parcel::REFERENCE.column(), true);
    let values = vec![Value::Text("R9".into())];
    let moved = write(Parcel::SCHEMA, 1, WriteKind::Update { expected: 1, columns, values });
    let writes = vec![moved, insert(2, "R1"), insert(3, "R9")];
    let changes = ChangeSet { tenant: acme(), writes, events: vec![] };
    let result = store.commit(changes).await.map(|_| ());
    let taken = "`parcel` with this `reference` exists already";
    check(result, ErrorKind::Duplicate, taken);
    check(commit(&store, insert(2, "R1")).await, ErrorKind::Duplicate, taken);
    commit(&store, insert(3, "R9")).await.expect("free again");
}
