//! What is particular to side tracks and dead letters on SQLite; the rest is in the conformance suite.

mod harness;

use harness::{FileHarness, open_as_other};
use idp_application::{
    Actor, Application, AsideReason, Claim, Context, DeadLetterAction, DeadLetterCommand,
    DeadLetters, Deliveries, Due, LaneLease, LaneProgress, LaneRecord, OutboxLog, Reader, SetAside,
    Sharding, WorkerId,
};
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Timestamp, Uuid};
use idp_sqlite::SqliteOptions;
use std::time::Duration;

const WORKER: WorkerId = WorkerId(Uuid::from_u128(1));
const LONG: Duration = Duration::from_secs(3_600);

fn reader() -> Reader {
    Reader { name: "relay".into(), sharding: Sharding::ByLane }
}

/// Adds a counter with so many events.
async fn add_counter(harness: &FileHarness, number: u128, events: u32) {
    let tenant = TenantId::new("acme").expect("valid");
    let app = Application::new(harness.store.clone());
    let unit = app.begin(Context::new(tenant, Actor::new("ann")));
    let mut counter = Counter::new(CounterId::from_uuid(Uuid::from_u128(number)));
    (0..events).for_each(|_| counter.count_on());
    unit.add(counter).expect("it is new");
    unit.commit().await.expect("nothing is in its way");
}

async fn claim_all(harness: &FileHarness) -> Vec<LaneLease> {
    harness.store.join(&reader(), WORKER, LONG).await.expect("it can join");
    let claim = Claim { worker: WORKER, lanes_max: u16::MAX, lease_ttl: LONG };
    harness.store.claim(&reader(), claim).await.expect("it can claim")
}

/// Sets all there is aside.
async fn set_all_aside(harness: &FileHarness, leases: &[LaneLease], reason: &AsideReason) {
    let batches = harness.store.read(leases, 1_000).await.expect("it can be read");
    let records: Vec<LaneRecord> = batches
        .into_iter()
        .filter(|batch| !batch.events.is_empty())
        .map(|batch| {
            let lease = leases.iter().find(|lease| lease.lane == batch.lane).expect("its lane");
            let events = (lease.sequence + 1..).zip(batch.events);
            let aside = events.map(|(sequence, event)| SetAside {
                envelope: event.envelope,
                sequence,
                reason: reason.clone(),
            });
            let aside: Vec<SetAside> = aside.collect();
            let last = aside.last().expect("the batch has events").sequence;
            let LaneLease { lane, epoch, .. } = *lease;
            let progress = LaneProgress { lane, epoch, cursor: batch.through, sequence: last };
            LaneRecord { progress, aside }
        })
        .collect();
    let held = harness.store.record(&reader(), &records, LONG).await.expect("it can be recorded");
    assert_eq!(held.len(), records.len());
}

/// What is due, while another process writes for longer than this one would wait.
async fn due_while_another_writes(harness: &FileHarness, leases: &[LaneLease]) -> Due {
    let other = open_as_other(&harness.path);
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    let due = harness.store.due(&reader(), leases, 10).await;
    other.execute_batch("ROLLBACK").expect("it was begun");
    due.expect("no writer is needed")
}

async fn impatient() -> FileHarness {
    let busy_timeout = Duration::from_millis(1);
    FileHarness::start_with(SqliteOptions { busy_timeout, ..SqliteOptions::default() }).await
}

#[tokio::test]
async fn with_nothing_due_nothing_waits_for_the_one_that_writes() {
    let harness = impatient().await;
    add_counter(&harness, 1, 3).await;
    let leases = claim_all(&harness).await;
    assert_eq!(due_while_another_writes(&harness, &leases).await, Due::default());
    set_all_aside(&harness, &leases, &AsideReason::Refused("no".into())).await;
    assert_eq!(due_while_another_writes(&harness, &leases).await, Due::default());
    add_counter(&harness, 2, 1).await;
    let later = AsideReason::Scheduled(Timestamp::from_unix_micros(4_000_000_000_000_000));
    let leases = claim_again(&harness, &leases).await;
    set_all_aside(&harness, &leases, &later).await;
    let due = due_while_another_writes(&harness, &leases).await;
    assert!(due.batches.is_empty() && due.next.is_some(), "{due:?}");
}

async fn claim_again(harness: &FileHarness, leases: &[LaneLease]) -> Vec<LaneLease> {
    harness.store.release(&reader(), WORKER, leases).await.expect("they can be given back");
    claim_all(harness).await
}

#[tokio::test]
async fn a_lane_with_much_keeps_no_other_waiting() {
    let harness = FileHarness::start().await;
    add_counter(&harness, 1, 30).await;
    add_counter(&harness, 2, 5).await;
    add_counter(&harness, 3, 5).await;
    let leases = claim_all(&harness).await;
    set_all_aside(&harness, &leases, &AsideReason::Scheduled(Timestamp::UNIX_EPOCH)).await;
    let due = harness.store.due(&reader(), &leases, 9).await.expect("it can be asked for");
    let sizes: Vec<usize> = due.batches.iter().map(|batch| batch.entries.len()).collect();
    assert_eq!(sizes, [3, 3, 3]);
}

#[tokio::test]
async fn records_cannot_be_changed_or_removed() {
    let harness = FileHarness::start().await;
    add_counter(&harness, 1, 1).await;
    let leases = claim_all(&harness).await;
    set_all_aside(&harness, &leases, &AsideReason::Refused("no".into())).await;
    let parked = harness.store.parked("relay", None, None, 1).await.expect("listed").remove(0);
    let command = DeadLetterCommand {
        actor: Actor::new("ann"),
        key: parked.key,
        revision: parked.revision,
        action: DeadLetterAction::DiscardKey,
        reason: "no use".into(),
    };
    harness.store.command("relay", &command).await.expect("it is parked");
    let other = open_as_other(&harness.path);
    for statement in [
        "UPDATE idp_dead_letter_record SET actor = 'eve'",
        "DELETE FROM idp_dead_letter_record",
        "REPLACE INTO idp_dead_letter_record
           SELECT id, reader, at, 'eve', action, tenant_id, aggregateid, reason, payload_before
             FROM idp_dead_letter_record",
        "UPDATE idp_dead_letter_event SET event_id = x'00'",
        "DELETE FROM idp_dead_letter_event",
        "REPLACE INTO idp_dead_letter_event SELECT record, number, x'00' FROM idp_dead_letter_event",
    ] {
        let error = other.execute(statement, []).expect_err(statement).to_string();
        assert!(error.starts_with("records of dead letters are"), "{error}");
    }
    let records = harness.store.records("relay", 10).await.expect("read");
    assert_eq!((records.len(), records[0].actor.as_str()), (1, "ann"));
    assert_eq!(records[0].events.len(), 1);
}
