//! Whoever writes second on one version gets a conflict, and no update is lost.

use crate::Harness;
use crate::clauses::clauses;
use crate::fixture::{
    ann, application, count_of, count_on, counter_id, given_counter, given_parcel, parcel_id,
    patient_application, refused, stored,
};
use crate::follower::whole_log;
use crate::sample::{Counter, Parcel};
use idp_application::{Application, ChangeSet, Error, ErrorKind, RowWrite, WriteKind};
use idp_domain::{ColumnSet, EntityId, Record};
use std::sync::atomic::{AtomicU32, Ordering};

clauses! {
    macro unit_of_work_versions of unit_of_work::versions;
    each_commit_raises_the_version_by_one,
    an_update_of_an_old_version_is_a_conflict,
    a_removal_of_an_old_version_is_a_conflict,
    an_erasure_of_an_old_version_is_a_conflict,
    a_write_of_a_row_that_is_gone_is_a_conflict,
    a_conflict_leaves_nothing_behind,
    a_conflict_names_the_aggregate,
    a_use_case_runs_again_after_a_conflict_and_both_changes_survive,
    concurrent_increments_lose_none,
}

/// From 1, whatever changes.
pub async fn each_commit_raises_the_version_by_one<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    for version in 1..=5 {
        assert_eq!(count_of(&app, &ann(), id).await, (version - 1, version));
        count_on(&app, &ann(), id).await;
    }
}

/// The change of the first is kept.
pub async fn an_update_of_an_old_version_is_a_conflict<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    unit.get::<Counter>(id).await.expect("there").name = Some("late".into());
    count_on(&app, &ann(), id).await;
    refused(unit.commit().await, ErrorKind::Conflict);
    let (counter, version) = stored::<Counter>(&app, &ann(), id).await.expect("there");
    assert_eq!((counter.count, counter.name, version), (1, None, 2));
}

/// With soft delete and without.
pub async fn a_removal_of_an_old_version_is_a_conflict<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let counter = given_counter(&app, &ann(), 1).await;
    let parcel = given_parcel(&app, &ann(), 1).await;
    let (first, second) = (app.begin(ann()), app.begin(ann()));
    first.remove(first.get::<Counter>(counter).await.expect("there"));
    second.remove(second.get::<Parcel>(parcel).await.expect("there"));
    change_both(&app).await;
    refused(first.commit().await, ErrorKind::Conflict);
    refused(second.commit().await, ErrorKind::Conflict);
    assert_both_are_there(&app).await;
}

/// With soft delete and without.
pub async fn an_erasure_of_an_old_version_is_a_conflict<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let counter = given_counter(&app, &ann(), 1).await;
    let parcel = given_parcel(&app, &ann(), 1).await;
    let (first, second) = (app.begin(ann()), app.begin(ann()));
    first.erase(first.get::<Counter>(counter).await.expect("there"));
    second.erase(second.get::<Parcel>(parcel).await.expect("there"));
    change_both(&app).await;
    refused(first.commit().await, ErrorKind::Conflict);
    refused(second.commit().await, ErrorKind::Conflict);
    assert_both_are_there(&app).await;
}

async fn change_both(app: &Application) {
    let unit = app.begin(ann());
    unit.get::<Counter>(counter_id(1)).await.expect("there").count_on();
    unit.get::<Parcel>(parcel_id(1)).await.expect("there").deliver();
    unit.commit().await.expect("committed");
}

async fn assert_both_are_there(app: &Application) {
    assert_eq!(count_of(app, &ann(), counter_id(1)).await, (1, 2));
    let parcel = stored::<Parcel>(app, &ann(), parcel_id(1)).await;
    assert_eq!(parcel.expect("there").1, 2);
}

/// Nobody can know whether it was ever there.
pub async fn a_write_of_a_row_that_is_gone_is_a_conflict<H: Harness>(harness: H) {
    let (backend, app) = (harness.backend(), application(&harness.backend()));
    let id = given_counter(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    unit.get::<Counter>(id).await.expect("there").count_on();
    let other = app.begin(ann());
    other.remove(other.get::<Counter>(id).await.expect("there"));
    other.commit().await.expect("removed");
    refused(unit.commit().await, ErrorKind::Conflict);

    for kind in [
        WriteKind::Update { expected: 1, columns: ColumnSet::EMPTY, values: vec![] },
        WriteKind::Delete { expected: 1 },
    ] {
        let key = counter_id(99).uuid();
        let write = RowWrite { table: Counter::SCHEMA, key, kind, stamps: vec![] };
        let tenant = ann().tenant().clone();
        let changes = ChangeSet { tenant, writes: vec![write], events: vec![] };
        refused(backend.commit(changes).await, ErrorKind::Conflict);
    }
}

/// Neither rows that would have been written before it, nor events.
pub async fn a_conflict_leaves_nothing_behind<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    for number in 1..=3 {
        given_counter(&app, &ann(), number).await;
    }
    for stale in 1..=3 {
        let unit = app.begin(ann());
        for number in 1..=3 {
            unit.get::<Counter>(counter_id(number)).await.expect("there").count_on();
        }
        unit.add(Counter::new(counter_id(10))).expect("new");
        count_on(&app, &ann(), counter_id(stale)).await;
        refused(unit.commit().await, ErrorKind::Conflict);
    }
    for number in 1..=3 {
        assert_eq!(count_of(&app, &ann(), counter_id(number)).await, (1, 2));
    }
    assert!(stored::<Counter>(&app, &ann(), counter_id(10)).await.is_none());
    assert_eq!(whole_log(&harness.backend()).await.len(), 3);
}

/// The message of a conflict says what was changed by somebody else.
pub async fn a_conflict_names_the_aggregate<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    unit.get::<Counter>(id).await.expect("there").count_on();
    count_on(&app, &ann(), id).await;
    let error = refused(unit.commit().await, ErrorKind::Conflict);
    assert!(error.message().contains("`counter`"), "{error} does not name the aggregate");
}

/// The use case starts again, on what is there by then.
pub async fn a_use_case_runs_again_after_a_conflict_and_both_changes_survive<H: Harness>(
    harness: H,
) {
    let app = patient_application(&harness.backend());
    let other = application(&harness.second_process().await);
    let id = given_counter(&app, &ann(), 1).await;
    let attempts = AtomicU32::new(0);
    app.run(ann(), |uow| {
        let (attempts, other) = (&attempts, &other);
        async move {
            let mut counter = uow.get::<Counter>(id).await?;
            if attempts.fetch_add(1, Ordering::SeqCst) < 2 {
                count_on(other, &ann(), id).await;
            }
            counter.count_on();
            Ok::<_, Error>(())
        }
    })
    .await
    .expect("the third attempt gets through");
    assert_eq!(attempts.load(Ordering::SeqCst), 3);
    assert_eq!(count_of(&app, &ann(), id).await, (3, 4));
    let counted: Vec<_> = whole_log(&harness.backend()).await;
    let payloads: Vec<_> = counted.iter().map(|event| event.payload.as_str()).collect();
    assert_eq!(payloads, [r#"{"to":1}"#, r#"{"to":2}"#, r#"{"to":3}"#]);
}

/// Eight tasks in two processes, ten each.
pub async fn concurrent_increments_lose_none<H: Harness>(harness: H) {
    let app = patient_application(&harness.backend());
    let other = patient_application(&harness.second_process().await);
    let id = given_counter(&app, &ann(), 1).await;
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let app = if task % 2 == 0 { app.clone() } else { other.clone() };
            tokio::spawn(async move {
                for _ in 0..10 {
                    count_on(&app, &ann(), id).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("every increment gets through");
    }
    assert_eq!(count_of(&app, &ann(), id).await, (80, 81));
    assert_eq!(whole_log(&harness.backend()).await.len(), 80);
}
