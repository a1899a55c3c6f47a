//! What a unit of work costs: one statement a row that changed, one an event, and nothing else.

mod harness;

use harness::FileHarness;
use idp_application::{Actor, Application, Context, Cost};
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};

#[tokio::test]
async fn loading_changing_and_committing_an_aggregate_takes_three_statements() {
    let harness = FileHarness::start().await;
    let app = Application::new(harness.store.clone());
    let ann = || Context::new(TenantId::new("acme").expect("valid"), Actor::new("ann"));
    let id = CounterId::from_uuid(Uuid::from_u128(1));

    let unit = app.begin(ann());
    unit.add(Counter::new(id)).expect("it is new");
    let receipt = unit.commit().await.expect("nothing is in its way");
    let one = Cost { statements: 1, round_trips: 0, rows_read: 0, rows_written: 1 };
    assert_eq!(receipt.cost, one);

    let unit = app.begin(ann());
    unit.get::<Counter>(id).await.expect("it is there").count_on();
    let receipt = unit.commit().await.expect("nothing is in its way");
    let three = Cost { statements: 3, round_trips: 0, rows_read: 1, rows_written: 2 };
    assert_eq!(receipt.cost, three);
}
