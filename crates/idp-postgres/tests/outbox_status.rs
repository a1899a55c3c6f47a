//! The view `outbox_status`: what became of each event, for each reader.

mod courier;
mod harness;

use courier::{Courier, count, key, refused};
use harness::PgHarness;
use idp_application::{
    AsideReason, DeadLetterAction, DeadLetters, Deliveries, LaneLease, Settlement, Sharding, Store,
};
use idp_domain::Timestamp;

/// Long after any test.
const LATER: i64 = 4_000_000_000_000_000;

/// The status, the retry count, the last error and the time of each event, as text.
async fn statuses(harness: &PgHarness, courier: &Courier) -> Vec<String> {
    const STATUS: &str = "
        SELECT concat_ws(' ', status, retry_count, last_error,
                         'at ' || extract(epoch FROM deliver_at)::bigint,
                         CASE WHEN position IS NULL THEN 'gone' END)
          FROM outbox_status WHERE reader = $1 ORDER BY created_at, position";
    let rows = harness.control().query(STATUS, &[&courier.reader.name]).await;
    rows.expect("the view can be read").iter().map(|row| row.get(0)).collect()
}

async fn settle(courier: &Courier, through: i64, refused: Option<(i64, &str)>) {
    let LaneLease { lane, epoch, .. } = courier.leases[0];
    let refused = refused.map(|(number, error)| (number, error.to_owned()));
    let settlement = Settlement { lane, epoch, through, refused };
    let _ = courier.store.settle(&courier.reader, &settlement).await.expect("settled");
}

#[tokio::test]
async fn an_event_is_new_until_it_was_recorded_and_then_sent() {
    let harness = PgHarness::start().await;
    count(&harness, &[1, 2, 3]).await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    assert_eq!(statuses(&harness, &courier).await, ["NEW 0", "NEW 0", "NEW 0"]);
    courier.take(&[None, None]).await;
    assert_eq!(statuses(&harness, &courier).await, ["SENT 0", "SENT 0", "NEW 0"]);
    courier.take(&[None]).await;
    assert_eq!(statuses(&harness, &courier).await, ["SENT 0", "SENT 0", "SENT 0"]);
    count(&harness, &[1]).await;
    assert_eq!(statuses(&harness, &courier).await, ["SENT 0", "SENT 0", "SENT 0", "NEW 0"]);
    let other = Courier::start(harness.store(), Sharding::ByLane).await;
    assert_eq!(statuses(&harness, &other).await, ["NEW 0"; 4], "each reader has its own");
}

#[tokio::test]
async fn a_reader_by_lane_is_shown_lane_by_lane() {
    let harness = PgHarness::start().await;
    count(&harness, &[1, 2, 1]).await;
    let mut courier = Courier::start(harness.store(), Sharding::ByLane).await;
    // The lane of the second counter of acme, as the frozen vectors have it.
    courier.leases.retain(|lease| lease.lane.number() == 35);
    courier.take(&[None]).await;
    assert_eq!(statuses(&harness, &courier).await, ["NEW 0", "SENT 0", "NEW 0"]);
}

#[tokio::test]
async fn an_event_that_became_visible_late_is_new_though_its_position_was_passed() {
    let harness = PgHarness::start().await;
    count(&harness, &[1]).await;
    let hold = harness.hold_slow_commits().await;
    let slow = harness.connect_slowly().await;
    let late = tokio::spawn(async move {
        slow.commit(late_event()).await.expect("committed late");
    });
    hold.wait_until_one_waits().await;
    count(&harness, &[2, 3]).await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    courier.take(&[None, None, None]).await;
    hold.let_go().await;
    late.await.expect("no panic");
    let by_position = "SELECT status FROM outbox_status WHERE reader = $1 ORDER BY position";
    let rows = harness.control().query(by_position, &[&courier.reader.name]).await;
    let shown: Vec<String> = rows.expect("readable").iter().map(|row| row.get(0)).collect();
    assert_eq!(shown, ["SENT", "NEW", "SENT", "SENT"]);
    courier.take(&[None]).await;
    let rows = harness.control().query(by_position, &[&courier.reader.name]).await;
    let shown: Vec<String> = rows.expect("readable").iter().map(|row| row.get(0)).collect();
    assert_eq!(shown, ["SENT"; 4]);
}

fn late_event() -> idp_application::ChangeSet {
    use idp_application::{ChangeSet, NewEvent};
    use idp_domain::{ContentHasher, Envelope, EventRecord, Uuid};
    let record = EventRecord {
        event_id: Uuid::from_u128(77),
        occurred_at: Timestamp::UNIX_EPOCH,
        tenant: courier::acme(),
        aggregate_type: "counter".into(),
        aggregate_id: Uuid::from_u128(9),
        aggregate_version: 1,
        event_type: "counter.observed".into(),
        schema_id: "counter.observed".into(),
        schema_version: 1,
        payload: "{}".into(),
        metadata: Default::default(),
    };
    let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
    ChangeSet { tenant: courier::acme(), writes: vec![], events: vec![NewEvent { envelope }] }
}

#[tokio::test]
async fn what_is_parked_is_an_error_until_it_is_resumed() {
    let harness = PgHarness::start().await;
    count(&harness, &[1, 2, 1]).await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    courier.take(&[refused("too large"), None, Some(AsideReason::Behind)]).await;
    let parked = "ERR 1 too large";
    assert_eq!(statuses(&harness, &courier).await, [parked, "SENT 0", parked]);
    courier.command(1, DeadLetterAction::Resume).await;
    let resumed = "NEW 1 too large";
    assert_eq!(statuses(&harness, &courier).await, [resumed, "SENT 0", resumed]);
    assert_eq!(courier.due().await, 2);
    settle(&courier, 1, Some((2, "too large still"))).await;
    let shown = statuses(&harness, &courier).await;
    assert_eq!(shown, ["SENT 0", "SENT 0", "ERR 2 too large still"]);
}

#[tokio::test]
async fn a_scheduled_event_is_new_until_it_was_sent() {
    let harness = PgHarness::start().await;
    count(&harness, &[1, 1, 2]).await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    let at = |micros| Some(AsideReason::Scheduled(Timestamp::from_unix_micros(micros)));
    courier.take(&[at(LATER), refused("no"), at(1_000_000)]).await;
    let scheduled = format!("NEW 0 at {}", LATER / 1_000_000);
    let shown = statuses(&harness, &courier).await;
    assert_eq!(shown, [scheduled.as_str(), "ERR 1 no", "NEW 0 at 1"]);
    assert_eq!(courier.due().await, 1);
    settle(&courier, 1, None).await;
    let shown = statuses(&harness, &courier).await;
    assert_eq!(shown, [scheduled.as_str(), "ERR 1 no", "SENT 0"]);
}

#[tokio::test]
async fn a_discarded_event_is_an_error_that_says_who_and_why() {
    let harness = PgHarness::start().await;
    count(&harness, &[1, 1, 2, 2]).await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    let behind = Some(AsideReason::Behind);
    courier.take(&[refused("no"), behind.clone(), refused("no"), behind]).await;
    let events = courier.store.events(&courier.reader.name, &key(1)).await.expect("listed");
    let event = events[0].envelope.event_id;
    courier.command(1, DeadLetterAction::Discard { event }).await;
    courier.command(2, DeadLetterAction::DiscardKey).await;
    let discarded = "ERR 0 discarded by ann: no use";
    let shown = statuses(&harness, &courier).await;
    assert_eq!(shown, [discarded, "ERR 1 no", discarded, discarded]);
}

#[tokio::test]
async fn what_is_set_aside_is_shown_when_the_log_was_purged() {
    let harness = PgHarness::start().await;
    count(&harness, &[1, 2, 3]).await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    courier.take(&[refused("no"), None]).await;
    let purge = "DELETE FROM idp_outbox WHERE position <= 2";
    harness.control().execute(purge, &[]).await.expect("it can be purged");
    assert_eq!(statuses(&harness, &courier).await, ["ERR 1 no gone", "NEW 0"]);
}

#[tokio::test]
async fn a_tenant_that_is_split_off_is_shown_at_its_own_place() {
    const TRACK: &str = "
        INSERT INTO idp_tenant_track (reader, lane, tenant_id, generation, tick, position, sequence)
        SELECT reader, lane, 'acme', 1, tick, position, sequence FROM idp_reader_lane";
    let harness = PgHarness::start().await;
    count(&harness, &[1, 2, 3]).await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    courier.take(&[None]).await;
    harness.control().execute(TRACK, &[]).await.expect("a track can be made");
    courier.take(&[None, None]).await;
    assert_eq!(statuses(&harness, &courier).await, ["SENT 0", "NEW 0", "NEW 0"]);
    harness.control().execute("DELETE FROM idp_tenant_track", &[]).await.expect("and removed");
    assert_eq!(statuses(&harness, &courier).await, ["SENT 0", "SENT 0", "SENT 0"]);
}
