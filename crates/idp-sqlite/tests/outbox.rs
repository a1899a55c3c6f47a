//! What is particular to the log and the leases on SQLite; the rest is in the conformance suite.

mod harness;

use harness::{FileHarness, open_as_other};
use idp_application::{
    Actor, Application, Claim, Context, Cursor, ErrorKind, Lane, LaneBatch, LaneLease,
    LaneProgress, OutboxLog, Reader, Sharding, WorkerId,
};
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};
use std::collections::BTreeMap;
use std::time::Duration;

const WORKER: WorkerId = WorkerId(Uuid::from_u128(1));
const LONG: Duration = Duration::from_secs(3_600);

fn reader(sharding: Sharding) -> Reader {
    Reader { name: "relay".into(), sharding }
}

/// Adds a counter that has counted so often, each time with an event.
async fn add_counter(harness: &FileHarness, number: u128, events: u32) -> Lane {
    let tenant = TenantId::new("acme").expect("valid");
    let id = Uuid::from_u128(number);
    let lane = Lane::of(&tenant, id, idp_application::LaneCount::default());
    let app = Application::new(harness.store.clone());
    let unit = app.begin(Context::new(tenant, Actor::new("ann")));
    let mut counter = Counter::new(CounterId::from_uuid(id));
    (0..events).for_each(|_| counter.count_on());
    unit.add(counter).expect("it is new");
    unit.commit().await.expect("nothing is in its way");
    lane
}

async fn claim_all(harness: &FileHarness, reader: &Reader) -> Vec<LaneLease> {
    harness.store.join(reader, WORKER, LONG).await.expect("it can join");
    let claim = Claim { worker: WORKER, lanes_max: u16::MAX, lease_ttl: LONG };
    harness.store.claim(reader, claim).await.expect("it can claim")
}

/// How many events there are of each lane that got some.
fn sizes(batches: &[LaneBatch]) -> BTreeMap<Lane, usize> {
    let sizes = batches.iter().map(|batch| (batch.lane, batch.events.len()));
    sizes.filter(|(_, events)| *events > 0).collect()
}

#[tokio::test]
async fn a_long_backlog_of_one_lane_does_not_keep_the_others_waiting() {
    let harness = FileHarness::start().await;
    let long = add_counter(&harness, 1, 100).await;
    let short = add_counter(&harness, 2, 2).await;
    let other = add_counter(&harness, 3, 50).await;
    let leases = claim_all(&harness, &reader(Sharding::ByLane)).await;
    let batches = harness.store.read(&leases, 30).await.expect("it can be read");
    assert_eq!(sizes(&batches), BTreeMap::from([(long, 30)]));
    assert!(batches.iter().all(|batch| batch.has_more && batch.through.position == 30));
    // A lane that got events waits until the others had their turn.
    let others = batches.iter().filter(|batch| batch.lane != long);
    let others: Vec<LaneLease> = others
        .map(|batch| LaneLease { cursor: batch.through, lane: batch.lane, epoch: 1, sequence: 0 })
        .collect();
    let batches = harness.store.read(&others, 30).await.expect("it can be read");
    assert_eq!(sizes(&batches), BTreeMap::from([(short, 2), (other, 28)]));
}

#[tokio::test]
async fn a_reading_that_is_cut_says_of_every_lane_that_it_has_more() {
    let harness = FileHarness::start().await;
    let first = add_counter(&harness, 1, 3).await;
    add_counter(&harness, 2, 3).await;
    let leases = claim_all(&harness, &reader(Sharding::ByLane)).await;
    let batches = harness.store.read(&leases, 2).await.expect("it can be read");
    assert_eq!(sizes(&batches), BTreeMap::from([(first, 2)]));
    assert_eq!(batches.len(), leases.len());
    assert!(batches.iter().all(|batch| batch.has_more), "none was read to its end");
    let nothing = harness.store.read(&leases, 0).await.expect("it can be read");
    assert!(nothing.iter().all(|batch| batch.has_more && batch.events.is_empty()));
}

#[tokio::test]
async fn a_lease_that_was_given_back_cannot_be_renewed() {
    let harness = FileHarness::start().await;
    let reader = reader(Sharding::Whole);
    let leases = claim_all(&harness, &reader).await;
    let lease = leases[0];
    let progress = LaneProgress {
        lane: lease.lane,
        epoch: lease.epoch,
        cursor: Cursor { window: 0, position: 7 },
        sequence: 7,
    };
    harness.store.release(&reader, WORKER, &leases).await.expect("it can be given back");
    let held = harness.store.advance(&reader, &[progress], LONG).await.expect("no driver error");
    assert!(held.is_empty());
    let again = claim_all(&harness, &reader).await;
    assert_eq!((again[0].cursor, again[0].epoch), (Cursor::default(), 2));
}

#[tokio::test]
async fn a_reader_cannot_share_the_log_in_another_way_than_before() {
    let harness = FileHarness::start().await;
    claim_all(&harness, &reader(Sharding::Whole)).await;
    let joined = harness.store.join(&reader(Sharding::ByLane), WORKER, LONG).await;
    let error = joined.expect_err("it has a position for the whole log");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("`relay`"), "{error}");
}

#[tokio::test]
async fn a_position_is_not_given_out_again_after_a_purge() {
    let harness = FileHarness::start().await;
    add_counter(&harness, 1, 5).await;
    open_as_other(&harness.path).execute("DELETE FROM idp_outbox", []).expect("it can be purged");
    add_counter(&harness, 2, 1).await;
    let leases = claim_all(&harness, &reader(Sharding::Whole)).await;
    let batches = harness.store.read(&leases, 10).await.expect("it can be read");
    assert_eq!(batches[0].through, Cursor { window: 0, position: 6 });
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_named_by_its_position() {
    let harness = FileHarness::start().await;
    add_counter(&harness, 1, 3).await;
    open_as_other(&harness.path)
        .execute("UPDATE idp_outbox SET content_hash = 'gone' WHERE position = 2", [])
        .expect("it can be damaged");
    let leases = claim_all(&harness, &reader(Sharding::Whole)).await;
    let error = harness.store.read(&leases, 10).await.expect_err("one event is damaged");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("position 2"), "{error}");
}
