//! A commit is all or nothing, events included.

use crate::Harness;
use crate::clauses::clauses;
use crate::fixture::{
    ann, application, count_of, counter_id, given, given_counter, given_parcel, parcel_id, refused,
    stored, values_of,
};
use crate::follower::whole_log;
use crate::sample::{Counter, Parcel, Status};
use idp_application::{Application, Error, ErrorKind, Listing};
use idp_domain::Specification;

clauses! {
    macro unit_of_work_commit of unit_of_work::commit;
    a_commit_writes_rows_and_events,
    a_commit_that_fails_on_its_first_row_writes_nothing,
    a_commit_that_fails_on_its_last_row_writes_nothing,
    nothing_is_written_when_nothing_changed,
    a_unit_that_is_dropped_writes_nothing,
    a_use_case_that_fails_writes_nothing,
    a_handle_is_refused_after_the_commit,
    a_commit_with_a_living_guard_is_refused,
    a_read_only_unit_refuses_changes,
    a_batch_of_300_aggregates_is_one_unit,
    several_types_and_different_changes_are_one_unit,
    events_stand_in_the_order_in_which_they_were_raised,
}

/// Rows are there afterwards, in version 1, and so are their events.
pub async fn a_commit_writes_rows_and_events<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let unit = app.begin(ann());
    let mut parcel = Parcel::registered(parcel_id(1));
    parcel.write_note("handle with care");
    let expected = values_of(&parcel);
    unit.add(parcel).expect("new");
    let receipt = unit.commit().await.expect("committed");
    assert_eq!(receipt.events, 2);

    let (parcel, version) = stored::<Parcel>(&app, &ann(), parcel_id(1)).await.expect("written");
    assert_eq!((values_of(&parcel), version), (expected, 1));
    let log = whole_log(&harness.backend()).await;
    let names: Vec<_> = log.iter().map(|event| &*event.event_type).collect();
    assert_eq!(names, ["parcel.registered", "parcel.noted"]);
}

/// The row that fails sorts before all others.
pub async fn a_commit_that_fails_on_its_first_row_writes_nothing<H: Harness>(harness: H) {
    fails_as_a_whole(harness, Failing::First).await;
}

/// The row that fails sorts behind all others, which the store has written by then.
pub async fn a_commit_that_fails_on_its_last_row_writes_nothing<H: Harness>(harness: H) {
    fails_as_a_whole(harness, Failing::Last).await;
}

/// Where among the rows of a commit the one stands whose unique key is taken.
enum Failing {
    First,
    Last,
}

/// Adds counters and parcels, changes a counter, and adds one more aggregate whose unique key is
/// taken: a counter that sorts first, or a parcel that sorts last.
async fn fails_as_a_whole<H: Harness>(harness: H, failing: Failing) {
    let app = application(&harness.backend());
    let (taken, changed) = (parcel_id(50), counter_id(50));
    given_parcel(&app, &ann(), 50).await;
    given(&app, &ann(), |unit| {
        let mut counter = Counter::new(changed);
        counter.name = Some("taken".into());
        unit.add(counter)
    })
    .await;

    let unit = app.begin(ann());
    unit.get::<Counter>(changed).await.expect("there").count_on();
    for number in 60..63 {
        let mut counter = Counter::new(counter_id(number));
        counter.count_on();
        unit.add(counter).expect("new");
        unit.add(Parcel::registered(parcel_id(number))).expect("new");
    }
    let names = match failing {
        Failing::First => {
            let mut counter = Counter::new(counter_id(0));
            counter.name = Some("taken".into());
            unit.add(counter).expect("new");
            ["counter", "name"]
        }
        Failing::Last => {
            let mut parcel = Parcel::registered(parcel_id(u128::MAX));
            parcel.reference = format!("parcel {taken}");
            unit.add(parcel).expect("new");
            ["parcel", "reference"]
        }
    };
    let error = refused(unit.commit().await, ErrorKind::Duplicate);
    for name in names {
        assert!(error.message().contains(&format!("`{name}`")), "{error} does not name `{name}`");
    }

    assert_eq!(count_of(&app, &ann(), changed).await, (0, 1));
    let unit = app.begin(ann());
    let counters = unit.list::<Counter>(Listing::of(Specification::all())).await.expect("read");
    let parcels = unit.list::<Parcel>(Listing::of(Specification::all())).await.expect("read");
    assert_eq!((counters.len(), parcels.len()), (1, 1));
    assert_eq!(whole_log(&harness.backend()).await.len(), 1, "only the parcel that was there");
}

/// Reading, and changing something back to what it was, cost no write and raise no version.
pub async fn nothing_is_written_when_nothing_changed<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_parcel(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    let mut parcel = unit.get::<Parcel>(id).await.expect("there");
    parcel.pieces += 1;
    parcel.pieces -= 1;
    drop(parcel);
    let receipt = unit.commit().await.expect("committed");
    assert_eq!((receipt.cost.rows_written, receipt.events), (0, 0));
    let (_, version) = stored::<Parcel>(&app, &ann(), id).await.expect("there");
    assert_eq!(version, 1);
}

/// Whoever neither commits nor rolls back has rolled back.
pub async fn a_unit_that_is_dropped_writes_nothing<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    unit.get::<Counter>(id).await.expect("there").count_on();
    unit.add(Parcel::registered(parcel_id(1))).expect("new");
    drop(unit);
    let unit = app.begin(ann());
    unit.get::<Counter>(id).await.expect("there").count_on();
    unit.rollback();

    assert_nothing_happened(&harness, &app).await;
}

/// The error of a use case rolls its unit of work back.
pub async fn a_use_case_that_fails_writes_nothing<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    let result = app
        .run(ann(), |uow| async move {
            uow.get::<Counter>(id).await?.count_on();
            uow.add(Parcel::registered(parcel_id(1)))?;
            Err::<(), _>(Error::new(ErrorKind::Invalid, "test", "refused"))
        })
        .await;
    refused(result, ErrorKind::Invalid);

    assert_nothing_happened(&harness, &app).await;
}

/// Counter 1 has not counted, parcel 1 is not there, and the log is empty.
async fn assert_nothing_happened<H: Harness>(harness: &H, app: &Application) {
    assert_eq!(count_of(app, &ann(), counter_id(1)).await, (0, 1));
    assert!(stored::<Parcel>(app, &ann(), parcel_id(1)).await.is_none());
    assert!(whole_log(&harness.backend()).await.is_empty());
}

/// A handle that outlives its unit of work can neither read nor add.
pub async fn a_handle_is_refused_after_the_commit<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    let handle = unit.handle();
    unit.commit().await.expect("committed");
    refused(handle.find::<Counter>(id).await, ErrorKind::Invalid);
    refused(handle.list::<Counter>(Listing::of(Specification::all())).await, ErrorKind::Invalid);
    refused(handle.add(Counter::new(counter_id(2))), ErrorKind::Invalid);

    let handle = app.begin(ann()).handle();
    refused(handle.find::<Counter>(id).await, ErrorKind::Invalid);
}

/// A guard that lives could still change its aggregate, so the commit fails and writes nothing.
pub async fn a_commit_with_a_living_guard_is_refused<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    let unit = app.begin(ann());
    let mut guard = unit.get::<Counter>(id).await.expect("there");
    guard.count_on();
    let error = refused(unit.commit().await, ErrorKind::Invalid);
    assert!(error.message().contains("`counter`"), "{error} does not name the aggregate");
    drop(guard);

    assert_nothing_happened(&harness, &app).await;
}

/// It may read; a commit with changes fails and writes nothing.
pub async fn a_read_only_unit_refuses_changes<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    let unit = app.begin_read_only(ann());
    unit.get::<Counter>(id).await.expect("there").count_on();
    refused(unit.commit().await, ErrorKind::Invalid);
    let unit = app.begin_read_only(ann());
    unit.add(Parcel::registered(parcel_id(1))).expect("noticed at the commit");
    refused(unit.commit().await, ErrorKind::Invalid);
    let unit = app.begin_read_only(ann());
    assert_eq!(unit.get::<Counter>(id).await.expect("there").count, 0);
    unit.commit().await.expect("nothing changed");

    assert_nothing_happened(&harness, &app).await;
}

/// 300 are added at once, then changed at once.
pub async fn a_batch_of_300_aggregates_is_one_unit<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let unit = app.begin(ann());
    for number in 1..=300 {
        unit.add(Parcel::registered(parcel_id(number))).expect("new");
    }
    let receipt = unit.commit().await.expect("committed");
    assert_eq!((receipt.events, receipt.cost.rows_written), (300, 600));

    let unit = app.begin(ann());
    let all = Listing::of(Specification::all());
    for (mut parcel, number) in unit.list::<Parcel>(all).await.expect("read").into_iter().zip(1..) {
        assert_eq!(parcel.id, parcel_id(number));
        parcel.serial = u32::try_from(number).expect("small");
        if number % 2 == 0 {
            parcel.deliver();
        }
    }
    let receipt = unit.commit().await.expect("committed");
    assert_eq!((receipt.events, receipt.cost.rows_written), (150, 450));

    let unit = app.begin(ann());
    let all = Listing::of(Specification::all());
    let parcels = unit.list::<Parcel>(all).await.expect("read");
    assert_eq!(parcels.len(), 300);
    for (parcel, number) in parcels.iter().zip(1..) {
        let status = if number % 2 == 0 { Status::Delivered } else { Status::InTransit };
        assert_eq!((parcel.serial, parcel.status, parcel.version()), (number, status, 2));
    }
    assert_eq!(whole_log(&harness.backend()).await.len(), 450);
}

/// New, changed, removed and erased aggregates of two types, each with other columns.
pub async fn several_types_and_different_changes_are_one_unit<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    for number in 1..=4 {
        given_counter(&app, &ann(), number).await;
        given_parcel(&app, &ann(), number).await;
    }
    let unit = app.begin(ann());
    unit.get::<Counter>(counter_id(1)).await.expect("there").count_on();
    unit.get::<Counter>(counter_id(2)).await.expect("there").name = Some("two".into());
    unit.remove(unit.get::<Counter>(counter_id(3)).await.expect("there"));
    unit.add(Counter::new(counter_id(5))).expect("new");
    unit.get::<Parcel>(parcel_id(1)).await.expect("there").deliver();
    {
        let mut parcel = unit.get::<Parcel>(parcel_id(2)).await.expect("there");
        parcel.weight = 2.5;
        parcel.rank = Some(7);
    }
    unit.remove(unit.get::<Parcel>(parcel_id(3)).await.expect("there"));
    unit.erase(unit.get::<Parcel>(parcel_id(4)).await.expect("there"));
    unit.add(Parcel::registered(parcel_id(5))).expect("new");
    let receipt = unit.commit().await.expect("committed");
    assert_eq!((receipt.events, receipt.cost.rows_written), (3, 12));

    let unit = app.begin(ann());
    let counters = unit.list::<Counter>(Listing::of(Specification::all())).await.expect("read");
    let found: Vec<_> = counters.iter().map(|c| (c.id, c.count, c.name.as_deref())).collect();
    let expected = [(1, 1, None), (2, 0, Some("two")), (4, 0, None), (5, 0, None)];
    assert_eq!(found, expected.map(|(number, count, name)| (counter_id(number), count, name)));
    let parcels = unit.list::<Parcel>(Listing::of(Specification::all())).await.expect("read");
    let found: Vec<_> = parcels.iter().map(|p| (p.id, p.status, p.weight, p.rank)).collect();
    let expected = [
        (1, Status::Delivered, 1.0, None),
        (2, Status::InTransit, 2.5, Some(7)),
        (5, Status::InTransit, 1.0, None),
    ];
    assert_eq!(found, expected.map(|(number, s, w, r)| (parcel_id(number), s, w, r)));
}

/// Also when one aggregate raises many in one unit of work.
pub async fn events_stand_in_the_order_in_which_they_were_raised<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let unit = app.begin(ann());
    let mut parcel = Parcel::registered(parcel_id(1));
    for number in 0..50 {
        parcel.write_note(&number.to_string());
    }
    unit.add(parcel).expect("new");
    unit.commit().await.expect("committed");
    let log = whole_log(&harness.backend()).await;
    let notes = log[1..].iter().map(|event| event.payload.clone());
    let expected = (0..50).map(|number| format!(r#"{{"note":"{number}","weight":1}}"#));
    assert_eq!(notes.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}
