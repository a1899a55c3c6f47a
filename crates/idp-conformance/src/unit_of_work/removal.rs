//! Removing, restoring and erasing, with soft delete and without, and what becomes of unique keys.

use crate::Harness;
use crate::clauses::clauses;
use crate::fixture::{
    ann, application, counter_id, given, given_counter, given_parcel, parcel_id, refused, stored,
};
use crate::follower::whole_log;
use crate::sample::{Counter, Parcel, ParcelId};
use idp_application::{Application, Error, ErrorKind, Listing};
use idp_domain::{EntityId, Record, Specification};

clauses! {
    macro unit_of_work_removal of unit_of_work::removal;
    soft_delete_hides_an_aggregate,
    restoring_brings_an_aggregate_back,
    restoring_what_lives_writes_nothing,
    restoring_what_never_was_is_not_found,
    removing_without_soft_delete_deletes_the_row,
    erasing_deletes_the_row,
    a_deleted_aggregate_can_be_restored_and_erased,
    the_last_changes_and_events_go_with_a_removal,
    a_unique_key_is_taken_while_its_row_lives,
    a_unique_key_is_free_again_after_a_soft_delete,
    restoring_into_a_taken_unique_key_is_a_duplicate,
    changing_into_a_taken_unique_key_is_a_duplicate,
    nulls_in_a_unique_key_do_not_meet,
}

async fn remove(app: &Application, id: ParcelId) {
    let unit = app.begin(ann());
    unit.remove(unit.get::<Parcel>(id).await.expect("there"));
    unit.commit().await.expect("committed");
}

async fn restore(app: &Application, id: ParcelId) -> Result<(), Error> {
    let unit = app.begin(ann());
    drop(unit.restore::<Parcel>(id).await?);
    unit.commit().await.map(|_| ())
}

async fn row_exists<H: Harness>(harness: &H, id: ParcelId) -> bool {
    harness.audit(ann().tenant(), Parcel::SCHEMA, id.uuid()).await.is_some()
}

/// From finding, getting and listing; the row stays.
pub async fn soft_delete_hides_an_aggregate<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_parcel(&app, &ann(), 1).await;
    given_parcel(&app, &ann(), 2).await;
    remove(&app, id).await;
    let unit = app.begin(ann());
    assert!(unit.find::<Parcel>(id).await.expect("read").is_none());
    refused(unit.get::<Parcel>(id).await, ErrorKind::NotFound);
    let listed = unit.list::<Parcel>(Listing::of(Specification::all())).await.expect("read");
    assert_eq!(listed.iter().map(|parcel| parcel.id).collect::<Vec<_>>(), [parcel_id(2)]);
    assert!(row_exists(&harness, id).await);
}

/// As it was, in a later version.
pub async fn restoring_brings_an_aggregate_back<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_parcel(&app, &ann(), 1).await;
    remove(&app, id).await;
    let unit = app.begin(ann());
    let mut parcel = unit.restore::<Parcel>(id).await.expect("deleted, not gone");
    assert_eq!((parcel.reference.clone(), parcel.version()), (format!("parcel {id}"), 2));
    parcel.write_note("back");
    drop(parcel);
    unit.commit().await.expect("committed");
    let (parcel, version) = stored::<Parcel>(&app, &ann(), id).await.expect("lives again");
    assert_eq!((parcel.note.as_deref(), version), (Some("back"), 3));
    let audit = harness.audit(ann().tenant(), Parcel::SCHEMA, id.uuid()).await.expect("there");
    assert_eq!((audit.deleted_at, audit.deleted_by), (None, None));
}

/// With soft delete and without.
pub async fn restoring_what_lives_writes_nothing<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let (parcel, counter) =
        (given_parcel(&app, &ann(), 1).await, given_counter(&app, &ann(), 1).await);
    let unit = app.begin(ann());
    unit.restore::<Parcel>(parcel).await.expect("there");
    unit.restore::<Counter>(counter).await.expect("there");
    let receipt = unit.commit().await.expect("nothing to write");
    assert_eq!(receipt.cost.rows_written, 0);
    assert_eq!(stored::<Parcel>(&app, &ann(), parcel).await.expect("there").1, 1);
}

/// Nor is what was deleted for good.
pub async fn restoring_what_never_was_is_not_found<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    unit.remove(unit.get::<Counter>(id).await.expect("there"));
    unit.commit().await.expect("committed");
    let unit = app.begin(ann());
    refused(unit.restore::<Counter>(id).await, ErrorKind::NotFound);
    refused(unit.restore::<Parcel>(parcel_id(1)).await, ErrorKind::NotFound);
}

/// Its identity is free again.
pub async fn removing_without_soft_delete_deletes_the_row<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    unit.remove(unit.get::<Counter>(id).await.expect("there"));
    let receipt = unit.commit().await.expect("committed");
    assert_eq!(receipt.cost.rows_written, 1);
    assert!(harness.audit(ann().tenant(), Counter::SCHEMA, id.uuid()).await.is_none());
    given_counter(&app, &ann(), 1).await;
    assert_eq!(stored::<Counter>(&app, &ann(), id).await.expect("there").1, 1);
}

/// Soft delete or not.
pub async fn erasing_deletes_the_row<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_parcel(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    unit.erase(unit.get::<Parcel>(id).await.expect("there"));
    unit.commit().await.expect("committed");
    assert!(!row_exists(&harness, id).await);
    refused(restore(&app, id).await, ErrorKind::NotFound);
    given_parcel(&app, &ann(), 1).await;
}

/// The way to erase what was soft-deleted long ago.
pub async fn a_deleted_aggregate_can_be_restored_and_erased<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_parcel(&app, &ann(), 1).await;
    remove(&app, id).await;
    let unit = app.begin(ann());
    unit.erase(unit.restore::<Parcel>(id).await.expect("deleted, not gone"));
    unit.commit().await.expect("committed");
    assert!(!row_exists(&harness, id).await);
}

/// A soft-deleted row keeps them, and the events are told.
pub async fn the_last_changes_and_events_go_with_a_removal<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let (parcel, counter) =
        (given_parcel(&app, &ann(), 1).await, given_counter(&app, &ann(), 1).await);
    let unit = app.begin(ann());
    let mut last = unit.get::<Parcel>(parcel).await.expect("there");
    last.write_note("goodbye");
    unit.remove(last);
    let mut last = unit.get::<Counter>(counter).await.expect("there");
    last.count_on();
    unit.remove(last);
    assert_eq!(unit.commit().await.expect("committed").events, 2);
    restore(&app, parcel).await.expect("deleted, not gone");
    let (parcel, _) = stored::<Parcel>(&app, &ann(), parcel).await.expect("lives again");
    assert_eq!(parcel.note.as_deref(), Some("goodbye"));
    let log = whole_log(&harness.backend()).await;
    let versions: Vec<_> = log[1..].iter().map(|event| event.aggregate_version).collect();
    assert_eq!(versions, [2, 2], "each event stands under the version that it led to");
}

fn with_reference(number: u128, reference: &str) -> Parcel {
    let mut parcel = Parcel::registered(parcel_id(number));
    parcel.reference = reference.into();
    parcel
}

/// The message names the table and the columns.
pub async fn a_unique_key_is_taken_while_its_row_lives<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    given(&app, &ann(), |unit| unit.add(with_reference(1, "R1"))).await;
    let unit = app.begin(ann());
    unit.add(with_reference(2, "R1")).expect("noticed at the commit");
    let error = refused(unit.commit().await, ErrorKind::Duplicate);
    for name in ["`parcel`", "`reference`"] {
        assert!(error.message().contains(name), "{error} does not name {name}");
    }
    given(&app, &ann(), |unit| unit.add(with_reference(2, "r1"))).await;
    given(&app, &ann(), |unit| unit.add(with_reference(3, "R1 "))).await;
}

/// Rows that were soft-deleted do not count.
pub async fn a_unique_key_is_free_again_after_a_soft_delete<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    for number in 1..=3 {
        given(&app, &ann(), |unit| unit.add(with_reference(number, "R1"))).await;
        remove(&app, parcel_id(number)).await;
    }
    given(&app, &ann(), |unit| unit.add(with_reference(4, "R1"))).await;
    assert!(stored::<Parcel>(&app, &ann(), parcel_id(4)).await.is_some());
}

/// It stays deleted.
pub async fn restoring_into_a_taken_unique_key_is_a_duplicate<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    given(&app, &ann(), |unit| unit.add(with_reference(1, "R1"))).await;
    remove(&app, parcel_id(1)).await;
    given(&app, &ann(), |unit| unit.add(with_reference(2, "R1"))).await;
    refused(restore(&app, parcel_id(1)).await, ErrorKind::Duplicate);
    assert!(stored::<Parcel>(&app, &ann(), parcel_id(1)).await.is_none());
    remove(&app, parcel_id(2)).await;
    restore(&app, parcel_id(1)).await.expect("free again");
}

/// An update is held to it as an insert is.
pub async fn changing_into_a_taken_unique_key_is_a_duplicate<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    given(&app, &ann(), |unit| unit.add(with_reference(1, "R1"))).await;
    given(&app, &ann(), |unit| unit.add(with_reference(2, "R2"))).await;
    let unit = app.begin(ann());
    unit.get::<Parcel>(parcel_id(2)).await.expect("there").reference = "R1".into();
    refused(unit.commit().await, ErrorKind::Duplicate);
    let (parcel, version) = stored::<Parcel>(&app, &ann(), parcel_id(2)).await.expect("there");
    assert_eq!((parcel.reference.as_str(), version), ("R2", 1));
    let unit = app.begin(ann());
    unit.get::<Parcel>(parcel_id(2)).await.expect("there").reference = "R3".into();
    unit.commit().await.expect("free");
    given(&app, &ann(), |unit| unit.add(with_reference(3, "R2"))).await;
}

/// Any number of rows may have none.
pub async fn nulls_in_a_unique_key_do_not_meet<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    for number in 1..=3 {
        given_counter(&app, &ann(), number).await;
    }
    let named = |number| {
        let mut counter = Counter::new(counter_id(number));
        counter.name = Some(String::new());
        counter
    };
    given(&app, &ann(), |unit| unit.add(named(4))).await;
    let unit = app.begin(ann());
    unit.add(named(5)).expect("noticed at the commit");
    refused(unit.commit().await, ErrorKind::Duplicate);
}
