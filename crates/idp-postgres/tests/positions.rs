//! Positions are drawn after the rows were written, whatever was written.

mod harness;

use harness::PgHarness;
use idp_application::{Actor, Application, Context};
use idp_conformance::Harness;
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};

/// Notes, before each row of a new counter is written, the last position that was drawn by then.
const NOTE_POSITIONS: &str = "
    CREATE TABLE noted (last_position bigint);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO noted
        SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM idp_outbox_position_seq;
      RETURN NEW;
    END $$;
    CREATE TRIGGER note BEFORE INSERT ON counter FOR EACH ROW EXECUTE FUNCTION note()";

/// How many positions were drawn before the last row was written.
const DRAWN_TOO_EARLY: &str = "
    SELECT count(*) FROM idp_outbox WHERE position <= (SELECT max(last_position) FROM noted)";

/// Writes new counters in one commit. Gives how many positions were drawn too early.
async fn drawn_too_early(counters: impl Iterator<Item = Counter>, harness: &PgHarness) -> i64 {
    let control = harness.control();
    control.batch_execute("TRUNCATE noted, idp_outbox").await.expect("the tables are there");
    let tenant = TenantId::new("acme").expect("a valid name");
    let unit = Application::new(harness.backend()).begin(Context::new(tenant, Actor::new("ann")));
    for counter in counters {
        unit.add(counter).expect("new");
    }
    unit.commit().await.expect("written");
    control.query_one(DRAWN_TOO_EARLY, &[]).await.expect("a count").get(0)
}

fn counted(number: u128) -> Counter {
    let mut counter = Counter::new(CounterId::from_uuid(Uuid::from_u128(number)));
    counter.count_on();
    counter
}

#[tokio::test]
async fn the_position_of_a_new_aggregates_event_is_drawn_after_its_row() {
    let harness = PgHarness::start().await;
    harness.control().batch_execute(NOTE_POSITIONS).await.expect("the trigger can be made");
    for numbers in [1..2, 2..5, 5..20] {
        assert_eq!(drawn_too_early(numbers.map(counted), &harness).await, 0);
    }
}
