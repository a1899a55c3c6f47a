//! A unit of work can go back to an earlier state of itself.

mod door;

use door::{Door, application, context, floors, given_doors, id};
use idp_application::ErrorKind;

#[tokio::test]
async fn what_happened_after_a_savepoint_can_be_undone() {
    let app = application().await;
    given_doors(&app, &[1, 2]).await;

    let unit = app.begin(context());
    unit.get::<Door>(id(1)).await.expect("door 1").move_to(10);
    let savepoint = unit.savepoint().expect("no guard is alive");
    unit.get::<Door>(id(1)).await.expect("door 1").move_to(11);
    unit.get::<Door>(id(2)).await.expect("door 2").move_to(22);
    unit.add(Door::new(3, 33)).expect("a new door");
    unit.rollback_to(savepoint).expect("no guard is alive");
    let receipt = unit.commit().await.expect("nobody else writes");

    assert_eq!(receipt.events, 1, "the events after the savepoint are gone too");
    assert_eq!(floors(&app).await, [10, 2]);
}

#[tokio::test]
async fn a_removal_after_a_savepoint_can_be_undone() {
    let app = application().await;
    given_doors(&app, &[1]).await;

    let unit = app.begin(context());
    drop(unit.get::<Door>(id(1)).await.expect("door 1"));
    let savepoint = unit.savepoint().expect("no guard is alive");
    unit.remove(unit.get::<Door>(id(1)).await.expect("door 1"));
    unit.rollback_to(savepoint).expect("no guard is alive");
    unit.commit().await.expect("nothing to write");

    assert_eq!(floors(&app).await, [1]);
}

#[tokio::test]
async fn a_living_guard_stands_in_the_way() {
    let app = application().await;
    given_doors(&app, &[1]).await;

    let unit = app.begin(context());
    let savepoint = unit.savepoint().expect("no guard is alive");
    let guard = unit.get::<Door>(id(1)).await.expect("door 1");
    let error = unit.savepoint().err().expect("the guard could still change the door");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("`door`"), "{error}");
    assert!(unit.rollback_to(savepoint).is_err());
    drop(guard);
}
