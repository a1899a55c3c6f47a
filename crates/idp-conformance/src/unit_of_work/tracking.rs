//! The unit of work sees by itself what changed, and writes that and nothing else.

use crate::Harness;
use crate::clauses::clauses;
use crate::fixture::{
    ann, application, counter_id, given, given_counter, given_parcel, parcel_id, refused, stored,
    values_of,
};
use crate::follower::whole_log;
use crate::sample::{Counter, Parcel, Status};
use idp_application::{
    Application, ChangeSet, Context, Error, ErrorKind, Interceptor, Listing, RowWrite, WriteKind,
};
use idp_domain::{ColumnSet, EntityId, Field, Record, Specification, Timestamp, Value};
use std::sync::{Arc, Mutex};

clauses! {
    macro unit_of_work_tracking of unit_of_work::tracking;
    an_update_sets_the_columns_named_and_no_others,
    updates_of_different_columns_in_one_commit_stay_apart,
    the_unit_of_work_names_only_the_columns_that_changed,
    an_event_without_a_change_raises_the_version,
    a_loaded_aggregate_carries_no_events,
    the_same_aggregate_is_the_same_object,
    a_second_guard_is_refused,
    an_added_aggregate_can_be_found_in_its_unit,
    an_aggregate_cannot_be_added_twice,
    an_identity_that_exists_is_a_duplicate,
    what_is_added_and_removed_in_one_unit_never_was,
}

fn update(key: u128, expected: i64, columns: &[(usize, Value)]) -> RowWrite {
    let mut set = ColumnSet::EMPTY;
    columns.iter().for_each(|(column, _)| set.insert_if(*column, true));
    let values = columns.iter().map(|(_, value)| value.clone()).collect();
    let kind = WriteKind::Update { expected, columns: set, values };
    RowWrite { table: Parcel::SCHEMA, key: parcel_id(key).uuid(), kind, stamps: vec![] }
}

fn column<T>(field: Field<Parcel, T>) -> usize {
    field.column()
}

/// What one writer leaves out survives as another wrote it, null or not.
pub async fn an_update_sets_the_columns_named_and_no_others<H: Harness>(harness: H) {
    let (backend, app) = (harness.backend(), application(&harness.backend()));
    let mut expected = Parcel::registered(parcel_id(1));
    (expected.note, expected.rank, expected.insured) = (Some("kept".into()), Some(3), Some(true));
    given(&app, &ann(), |unit| unit.add(expected.clone())).await;
    let mut version = 1;
    let mut check = async |columns: &[(usize, Value)], expected: &Parcel| {
        let writes = vec![update(1, version, columns)];
        let changes = ChangeSet { tenant: ann().tenant().clone(), writes, events: vec![] };
        backend.commit(changes).await.expect("the version is right");
        version += 1;
        let found = stored::<Parcel>(&app, &ann(), parcel_id(1)).await.expect("there");
        assert_eq!((values_of(&found.0), found.1), (values_of(expected), version));
    };
    expected.pieces = 7;
    check(&[(column(Parcel::PIECES), Value::Int(7))], &expected).await;
    check(&[], &expected).await;
    expected.note = None;
    check(&[(column(Parcel::NOTE), Value::Null)], &expected).await;
    (expected.weight, expected.tariff) = (0.5, Some(2.0));
    let floats =
        [(column(Parcel::WEIGHT), Value::Float(0.5)), (column(Parcel::TARIFF), Value::Float(2.0))];
    check(&floats, &expected).await;
    expected.note = Some("back".into());
    check(&[(column(Parcel::NOTE), Value::Text("back".into()))], &expected).await;
}

/// Also when a store groups updates of one table into one statement.
pub async fn updates_of_different_columns_in_one_commit_stay_apart<H: Harness>(harness: H) {
    let (backend, app) = (harness.backend(), application(&harness.backend()));
    let mut expected = Vec::new();
    for number in 1..=6 {
        let id = given_parcel(&app, &ann(), number).await;
        expected.push(Parcel::registered(id));
    }
    let (rank, note) = (column(Parcel::RANK), column(Parcel::NOTE));
    let pieces = column(Parcel::PIECES);
    let writes = vec![
        update(1, 1, &[(pieces, Value::Int(2)), (rank, Value::Int(1))]),
        update(2, 1, &[(pieces, Value::Int(3)), (rank, Value::Null)]),
        update(3, 1, &[(rank, Value::Int(9))]),
        update(4, 1, &[(note, Value::Text("x".into()))]),
        update(5, 1, &[]),
        update(6, 1, &[(pieces, Value::Int(4)), (rank, Value::Int(2))]),
    ];
    let tenant = ann().tenant().clone();
    let changes = ChangeSet { tenant, writes, events: vec![] };
    backend.commit(changes).await.expect("the versions are right");

    for (at, pieces) in [(0, 2), (1, 3), (5, 4)] {
        expected[at].pieces = pieces;
    }
    for (at, rank) in [(0, 1), (2, 9), (5, 2)] {
        expected[at].rank = Some(rank);
    }
    expected[3].note = Some("x".into());
    for expected in expected {
        let (parcel, version) = stored::<Parcel>(&app, &ann(), expected.id).await.expect("there");
        assert_eq!((values_of(&parcel), version), (values_of(&expected), 2));
    }
}

/// Keeps the columns of every update.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Vec<usize>>>>);

impl Interceptor for Recorder {
    fn on_write(&self, write: &mut RowWrite, _: &Context, _: Timestamp) -> Result<(), Error> {
        if let WriteKind::Update { columns, .. } = &write.kind {
            self.0.lock().expect("nothing panics here").push(columns.iter().collect());
        }
        Ok(())
    }
}

/// Whatever the aggregate's methods touched: what counts is what differs.
pub async fn the_unit_of_work_names_only_the_columns_that_changed<H: Harness>(harness: H) {
    let recorder = Recorder::default();
    let app = Application::builder(harness.backend()).interceptor(recorder.clone()).build();
    let id = given_parcel(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    {
        let mut parcel = unit.get::<Parcel>(id).await.expect("there");
        parcel.note = Some("new".into());
        parcel.pieces = 1;
        parcel.status = Status::Lost;
    }
    unit.commit().await.expect("committed");
    let recorded = recorder.0.lock().expect("nothing panics here").clone();
    assert_eq!(recorded, [vec![column(Parcel::STATUS), column(Parcel::NOTE)]]);
}

/// The event needs a version of its own.
pub async fn an_event_without_a_change_raises_the_version<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    unit.get::<Counter>(id).await.expect("there").observe();
    let receipt = unit.commit().await.expect("committed");
    assert_eq!((receipt.events, receipt.cost.rows_written), (1, 2));
    let (counter, version) = stored::<Counter>(&app, &ann(), id).await.expect("there");
    assert_eq!((counter.count, version), (0, 2));
    let log = whole_log(&harness.backend()).await;
    assert_eq!(log[0].aggregate_version, 2);
}

/// Events were told when they were committed; loading tells nothing again.
pub async fn a_loaded_aggregate_carries_no_events<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_parcel(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    assert!(unit.get::<Parcel>(id).await.expect("there").events.is_empty());
    let listed = unit.list::<Parcel>(Listing::of(Specification::all())).await.expect("read");
    assert!(listed.iter().all(|parcel| parcel.events.is_empty()));
    drop(listed);
    unit.get::<Parcel>(id).await.expect("there").pieces = 2;
    assert_eq!(unit.commit().await.expect("committed").events, 0);
    assert_eq!(whole_log(&harness.backend()).await.len(), 1);
}

/// However it is found, and without asking the store again.
pub async fn the_same_aggregate_is_the_same_object<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_parcel(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    unit.get::<Parcel>(id).await.expect("there").pieces = 12;
    let cost = unit.cost();
    assert_eq!(unit.get::<Parcel>(id).await.expect("there").pieces, 12);
    assert_eq!(unit.cost(), cost, "the store was asked again");
    let listed = unit.list::<Parcel>(Listing::of(Parcel::PIECES.eq(1))).await.expect("read");
    assert!(listed.is_empty(), "the listing does not know the change");
    let mut listed = unit.list::<Parcel>(Listing::of(Parcel::PIECES.eq(12))).await.expect("read");
    listed[0].rank = Some(1);
    drop(listed);
    let handle = unit.handle();
    assert_eq!(handle.get::<Parcel>(id).await.expect("there").rank, Some(1));
    unit.commit().await.expect("committed");
    let (parcel, version) = stored::<Parcel>(&app, &ann(), id).await.expect("there");
    assert_eq!((parcel.pieces, parcel.rank, version), (12, Some(1), 2));
}

/// Two guards could overwrite each other's changes.
pub async fn a_second_guard_is_refused<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    given_counter(&app, &ann(), 2).await;
    let unit = app.begin(ann());
    let guard = unit.get::<Counter>(id).await.expect("there");
    let error = refused(unit.get::<Counter>(id).await, ErrorKind::Invalid);
    assert!(error.message().contains("`counter`"), "{error} does not name the aggregate");
    unit.get::<Counter>(counter_id(2)).await.expect("another one is free");
    drop(guard);
    unit.get::<Counter>(id).await.expect("free again");
}

/// Before it is written.
pub async fn an_added_aggregate_can_be_found_in_its_unit<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let unit = app.begin(ann());
    unit.add(Counter::new(counter_id(1))).expect("new");
    let mut counter = unit.get::<Counter>(counter_id(1)).await.expect("added");
    assert_eq!(counter.version(), 0);
    counter.count_on();
    drop(counter);
    assert!(stored::<Counter>(&app, &ann(), counter_id(1)).await.is_none());
    unit.commit().await.expect("committed");
    let (counter, version) = stored::<Counter>(&app, &ann(), counter_id(1)).await.expect("there");
    assert_eq!((counter.count, version), (1, 1));
}

/// Within one unit of work it is noticed at once.
pub async fn an_aggregate_cannot_be_added_twice<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let unit = app.begin(ann());
    unit.add(Counter::new(counter_id(1))).expect("new");
    refused(unit.add(Counter::new(counter_id(1))), ErrorKind::Duplicate);
}

/// In another unit of work it is noticed at the commit, and the one that is there stays.
pub async fn an_identity_that_exists_is_a_duplicate<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    given(&app, &ann(), |unit| {
        let mut counter = Counter::new(counter_id(1));
        counter.count = 5;
        unit.add(counter)
    })
    .await;
    let unit = app.begin(ann());
    unit.add(Counter::new(counter_id(1))).expect("noticed at the commit");
    let error = refused(unit.commit().await, ErrorKind::Duplicate);
    for name in ["`counter`", "`id`"] {
        assert!(error.message().contains(name), "{error} does not name {name}");
    }
    let (counter, version) = stored::<Counter>(&app, &ann(), counter_id(1)).await.expect("there");
    assert_eq!((counter.count, version), (5, 1));
}

/// Neither it nor its events.
pub async fn what_is_added_and_removed_in_one_unit_never_was<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let unit = app.begin(ann());
    unit.add(Parcel::registered(parcel_id(1))).expect("new");
    unit.remove(unit.get::<Parcel>(parcel_id(1)).await.expect("added"));
    let receipt = unit.commit().await.expect("nothing to write");
    assert_eq!((receipt.events, receipt.cost.rows_written), (0, 0));
    assert!(stored::<Parcel>(&app, &ann(), parcel_id(1)).await.is_none());
    assert!(whole_log(&harness.backend()).await.is_empty());
}
