//! Rows say when and by whom they were made, changed and deleted, where their schema says so.

use crate::clauses::clauses;
use crate::fixture::{ann, given, given_counter, given_parcel, parcel_id, refused, tenant};
use crate::sample::{Counter, Parcel};
use crate::{AuditColumns, Harness};
use idp_application::{Actor, Application, Context, ErrorKind, ManualClock};
use idp_domain::{EntityId, Record, Timestamp};
use std::sync::Arc;

clauses! {
    macro unit_of_work_audit of unit_of_work::audit;
    an_insert_says_when_and_by_whom,
    an_update_says_when_and_by_whom,
    a_soft_delete_says_when_and_by_whom,
    a_commit_that_fails_stamps_nothing,
    a_table_without_audit_is_not_stamped,
}

fn bob() -> Context {
    Context::new(tenant("acme"), Actor::new("bob"))
}

/// An application whose clock shows the given microsecond.
fn application_at<H: Harness>(harness: &H, micros: i64) -> (Application, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_micros(micros)));
    (Application::builder(harness.backend()).clock(clock.clone()).build(), clock)
}

async fn audit_of<H: Harness>(harness: &H) -> AuditColumns {
    let key = parcel_id(1).uuid();
    harness.audit(&tenant("acme"), Parcel::SCHEMA, key).await.expect("the row is there")
}

fn made_by_ann(micros: i64) -> AuditColumns {
    let (at, by) = (Some(Timestamp::from_unix_micros(micros)), Some("ann".to_owned()));
    AuditColumns {
        created_at: at,
        created_by: by.clone(),
        updated_at: at,
        updated_by: by,
        ..AuditColumns::default()
    }
}

/// To the microsecond, by the clock of the application.
pub async fn an_insert_says_when_and_by_whom<H: Harness>(harness: H) {
    let (app, _) = application_at(&harness, 1_700_000_000_000_001);
    given_parcel(&app, &ann(), 1).await;
    assert_eq!(audit_of(&harness).await, made_by_ann(1_700_000_000_000_001));
}

/// What the insert said stays.
pub async fn an_update_says_when_and_by_whom<H: Harness>(harness: H) {
    let (app, clock) = application_at(&harness, 1_700_000_000_000_001);
    let id = given_parcel(&app, &ann(), 1).await;
    clock.set(Timestamp::from_unix_micros(1_700_000_000_000_002));
    let unit = app.begin(bob());
    unit.get::<Parcel>(id).await.expect("there").pieces = 2;
    unit.commit().await.expect("committed");
    let expected = AuditColumns {
        updated_at: Some(Timestamp::from_unix_micros(1_700_000_000_000_002)),
        updated_by: Some("bob".into()),
        ..made_by_ann(1_700_000_000_000_001)
    };
    assert_eq!(audit_of(&harness).await, expected);

    clock.set(Timestamp::from_unix_micros(1_700_000_000_000_003));
    let unit = app.begin(ann());
    assert_eq!(unit.get::<Parcel>(id).await.expect("there").pieces, 2);
    unit.commit().await.expect("nothing to write");
    assert_eq!(audit_of(&harness).await, expected, "reading is no change");
}

/// A deletion is a change too.
pub async fn a_soft_delete_says_when_and_by_whom<H: Harness>(harness: H) {
    let (app, clock) = application_at(&harness, 1_700_000_000_000_001);
    let id = given_parcel(&app, &ann(), 1).await;
    clock.set(Timestamp::from_unix_micros(1_700_000_000_000_002));
    let unit = app.begin(bob());
    unit.remove(unit.get::<Parcel>(id).await.expect("there"));
    unit.commit().await.expect("committed");
    let (at, by) =
        (Some(Timestamp::from_unix_micros(1_700_000_000_000_002)), Some("bob".to_owned()));
    let expected = AuditColumns {
        updated_at: at,
        updated_by: by.clone(),
        deleted_at: at,
        deleted_by: by,
        ..made_by_ann(1_700_000_000_000_001)
    };
    assert_eq!(audit_of(&harness).await, expected);
}

/// An audit record if and only if there is a change.
pub async fn a_commit_that_fails_stamps_nothing<H: Harness>(harness: H) {
    let (app, clock) = application_at(&harness, 1_700_000_000_000_001);
    let id = given_parcel(&app, &ann(), 1).await;
    given(&app, &ann(), |unit| unit.add(Parcel::registered(parcel_id(2)))).await;
    clock.set(Timestamp::from_unix_micros(1_700_000_000_000_002));
    let unit = app.begin(bob());
    unit.get::<Parcel>(id).await.expect("there").pieces = 2;
    let mut taken = Parcel::registered(parcel_id(3));
    taken.reference = format!("parcel {}", parcel_id(2));
    unit.add(taken).expect("noticed at the commit");
    refused(unit.commit().await, ErrorKind::Duplicate);
    assert_eq!(audit_of(&harness).await, made_by_ann(1_700_000_000_000_001));
}

/// It has no such columns.
pub async fn a_table_without_audit_is_not_stamped<H: Harness>(harness: H) {
    let (app, _) = application_at(&harness, 1_700_000_000_000_001);
    let id = given_counter(&app, &ann(), 1).await;
    let audit = harness.audit(&tenant("acme"), Counter::SCHEMA, id.uuid()).await;
    assert_eq!(audit, Some(AuditColumns::default()));
}
