//! The log is only inserted into, which Debezium's event router relies on. The harness lets no statement
//! update it, so each test of this crate that passes shows it; this one shows that the harness means it.

mod harness;

use harness::PgHarness;
use idp_application::{Actor, Application, Context};
use idp_conformance::Harness;
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};

#[tokio::test]
async fn an_update_of_the_log_would_be_seen() {
    let harness = PgHarness::start().await;
    let tenant = TenantId::new("acme").expect("a valid name");
    let unit = Application::new(harness.backend()).begin(Context::new(tenant, Actor::new("ann")));
    let mut counter = Counter::new(CounterId::from_uuid(Uuid::from_u128(1)));
    (0..25).for_each(|_| counter.count_on());
    unit.add(counter).expect("new");
    unit.commit().await.expect("written");
    const TABLES: &str = "SELECT DISTINCT tableoid::regclass::text FROM idp_outbox";
    let tables = harness.control().query(TABLES, &[]).await.expect("the log can be read");
    assert!(tables.len() > 1, "in a partition and in the rest");
    let mut names: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    names.push("idp_outbox".to_owned());
    for table in names {
        let update = format!("UPDATE {table} SET lane = lane");
        let error = harness.control().batch_execute(&update).await.expect_err("it is refused");
        let message = error.as_db_error().expect("by the server").message();
        assert_eq!(message, "the log is only inserted into");
    }
}
