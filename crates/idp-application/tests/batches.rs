//! Long lists are committed in batches.

mod door;

use door::{Door, application, context, floors};
use idp_application::{Error, ErrorKind, Uow};

async fn add_door(uow: Uow, (number, floor): (u128, i32)) -> Result<(), Error> {
    if floor < 0 {
        return Err(Error::new(ErrorKind::Invalid, "add a door", "there is no cellar"));
    }
    uow.add(Door::new(number, floor))
}

#[tokio::test]
async fn every_item_is_committed() {
    let app = application().await;
    let items: Vec<(u128, i32)> = (1..=7).zip(1..).collect();
    app.run_in_batches(&context(), &items, 3, add_door).await.expect("all doors are possible");
    assert_eq!(floors(&app).await, [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn a_failing_batch_leaves_the_earlier_ones_committed_and_says_how_far_it_came() {
    let app = application().await;
    let items = [(1, 1), (2, 2), (3, 3), (4, -1), (5, 5)];
    let failed = app.run_in_batches(&context(), &items, 2, add_door).await;
    let failed = failed.expect_err("there is no cellar");
    assert_eq!(failed.committed, 2);
    assert_eq!(failed.error.kind(), ErrorKind::Invalid);
    assert_eq!(floors(&app).await, [1, 2], "door 3 went down with door 4");
}
