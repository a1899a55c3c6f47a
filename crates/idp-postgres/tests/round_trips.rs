//! The round trips that a unit of work reports are those that the wire sees.

mod harness;

use harness::PgHarness;
use idp_application::{Actor, Application, Context};
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_testkit::Proxy;
use std::sync::Arc;

fn context() -> Context {
    Context::new(TenantId::new("acme").expect("a valid name"), Actor::new("ann"))
}

async fn create(app: &Application, number: u128) -> u32 {
    let unit = app.begin(context());
    unit.add(Counter::new(CounterId::from_uuid(Uuid::from_u128(number)))).expect("new");
    unit.commit().await.expect("written").cost.round_trips
}

async fn change(app: &Application, number: u128) -> u32 {
    let unit = app.begin(context());
    let id = CounterId::from_uuid(Uuid::from_u128(number));
    unit.get::<Counter>(id).await.expect("there").count_on();
    unit.commit().await.expect("written").cost.round_trips
}

#[tokio::test]
async fn creating_takes_one_round_trip_and_changing_two() {
    let harness = PgHarness::start().await;
    let proxy = Proxy::to(harness.address()).await.expect("a free port");
    let app = Application::new(Arc::new(harness.connect_through(proxy.address().port()).await));
    create(&app, 1).await; // Prepares the statements.
    change(&app, 1).await;

    let before = proxy.round_trips();
    let reported = create(&app, 2).await;
    assert_eq!((u64::from(reported), proxy.round_trips() - before), (1, 1));

    let before = proxy.round_trips();
    let reported = change(&app, 2).await;
    assert_eq!((u64::from(reported), proxy.round_trips() - before), (2, 2));
}

#[tokio::test]
async fn the_preparation_of_a_statement_is_reported_too() {
    let harness = PgHarness::start().await;
    let proxy = Proxy::to(harness.address()).await.expect("a free port");
    let app = Application::new(Arc::new(harness.connect_through(proxy.address().port()).await));
    let before = proxy.round_trips();
    let reported = create(&app, 1).await;
    assert_eq!(proxy.round_trips() - before, u64::from(reported));
    assert_eq!(reported, 2);
}
