//! Relays with a deliberate bug each: the checker must convict all of them. A checker that never
//! failed proves nothing.

use crate::service::{LONG, Service, Setup, config, until, worker_id};
use idp_application::{
    BoxFuture, Claim, Deliveries, Error, EventBus, Lane, LaneBatch, LaneLease, LaneProgress,
    LaneRecord, LaneTracks, Message, OutboxLog, PublishError, Reader, RelayLog, Sharding,
    TenantPolicies, TenantTracks, delegate_port,
};
use idp_domain::{ContentHasher, Envelope, EventRecord, Uuid};
use idp_testkit::{Fate, Outcome, Sink, Unreliable, Violation};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// What is wrong with a log.
enum Bug {
    /// Records the position of what it reads, before it was sent.
    AdvancesBeforeTheSend,
    /// Does not check the epoch of progress: nobody is ever fenced.
    IgnoresTheEpoch,
    /// Passes over the event with this number in its lane.
    Skips(usize),
    /// Follows positions: passes over this event while its transaction is open.
    FollowsPositions { uncommitted: Arc<AtomicBool>, event: Uuid },
    /// Numbers anew in every tenure.
    NumbersAnew,
    /// Reads what was rolled back.
    ReadsUncommitted(Uuid),
    /// Gives no more than so many events of a lane, and says that this is all up to where it has read.
    LeavesTheRest(usize),
}

struct Sabotaged {
    log: Arc<dyn RelayLog>,
    bug: Bug,
}

impl Sabotaged {
    async fn tamper(&self, lease: &LaneLease, batch: &mut LaneBatch) -> Result<(), Error> {
        match &self.bug {
            Bug::AdvancesBeforeTheSend => {
                let count = i64::try_from(batch.events.len()).expect("few events");
                let (lane, epoch, cursor) = (lease.lane, lease.epoch, batch.through);
                let progress =
                    [LaneProgress { lane, epoch, cursor, sequence: lease.sequence + count }];
                self.log.advance(&reader(), &progress, config().lease_ttl).await?;
            }
            Bug::Skips(number) => {
                let number = i64::try_from(*number).expect("a small number");
                if let Ok(at) = usize::try_from(number - lease.sequence - 1)
                    && at < batch.events.len()
                {
                    batch.events.remove(at);
                }
            }
            Bug::FollowsPositions { uncommitted, event } => {
                let is_hidden = uncommitted.load(Ordering::SeqCst);
                batch.events.retain(|e| !is_hidden || e.envelope.event_id != *event);
            }
            Bug::ReadsUncommitted(event) => {
                if let Some(last) = batch.events.last_mut() {
                    let record =
                        EventRecord { event_id: *event, ..EventRecord::clone(&last.envelope) };
                    let forged = Envelope::seal(record, &ContentHasher::Plain);
                    last.envelope = forged.expect("it was canonical before");
                }
            }
            Bug::LeavesTheRest(most) => batch.events.truncate(*most),
            Bug::IgnoresTheEpoch | Bug::NumbersAnew => {}
        }
        Ok(())
    }
}

impl OutboxLog for Sabotaged {
    delegate_port!(OutboxLog { join, advance, release } => |this| this.log);

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        Box::pin(async move {
            let mut leases = self.log.claim(reader, claim).await?;
            if matches!(self.bug, Bug::NumbersAnew) {
                leases.iter_mut().for_each(|lease| lease.sequence = 0);
            }
            Ok(leases)
        })
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(async move {
            let mut batches = self.log.read(leases, limit).await?;
            for batch in &mut batches {
                let lease = leases.iter().find(|lease| lease.lane == batch.lane);
                self.tamper(lease.expect("only these were asked for"), batch).await?;
            }
            Ok(batches)
        })
    }
}

impl Deliveries for Sabotaged {
    delegate_port!(Deliveries { blocked, due, settle } => |this| this.log);

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let held = self.log.record(reader, records, lease_ttl).await?;
            if matches!(self.bug, Bug::IgnoresTheEpoch) {
                return Ok(records.iter().map(|record| record.progress.lane).collect());
            }
            Ok(held)
        })
    }
}

impl TenantTracks for Sabotaged {
    delegate_port!(TenantTracks { split, merge, read_tracks, record_tracks } => |this| this.log);

    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>> {
        Box::pin(async move {
            match self.bug {
                Bug::IgnoresTheEpoch => {
                    let of = |lease: &LaneLease| lease.lane;
                    let none = |lane| LaneTracks { lane, revision: 0, tracks: Vec::new() };
                    Ok(leases.iter().map(of).map(none).collect())
                }
                _ => self.log.tracks(reader, leases).await,
            }
        })
    }
}

impl TenantPolicies for Sabotaged {
    delegate_port!(TenantPolicies => |this| this.log);
}

fn reader() -> Reader {
    Reader { name: "bus".into(), sharding: Sharding::ByLane }
}

/// Worker 1 with that bug.
fn sabotaged(service: &Service, bug: Bug) -> Setup<'_> {
    let mut setup = service.worker(1);
    setup.log = Arc::new(Sabotaged { log: setup.log, bug });
    setup
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_records_before_it_sends_is_convicted_of_loss() {
    let service = Service::start(1).await;
    service.tally("acme", 8).await;
    let mut setup = sabotaged(&service, Bug::AdvancesBeforeTheSend);
    let slow = Sink::new(setup.id, service.recorder.clone()).with_pace(Duration::from_millis(50));
    setup.bus = Arc::new(slow);
    let crashing = setup.start();
    service.events(6).await;
    service.recorder.leases_lost(worker_id(1));
    drop(crashing);
    let second = service.worker(2).start();
    until(&second, |metrics| metrics.lanes_held == 1).await;
    second.stop().await.expect("the store answers");
    let violations = service.violations();
    assert_eq!(violations.len(), 2, "{violations:?}");
    assert!(violations.iter().all(|v| matches!(v, Violation::Lost { .. })), "{violations:?}");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_deaf_to_epochs_is_convicted_of_duplicates() {
    let service = Service::start(1).await;
    let is_cut = Arc::new(AtomicBool::new(false));
    let cut = is_cut.clone();
    let plan = move |_| if cut.load(Ordering::SeqCst) { Fate::Refused } else { Fate::Pass };
    let mut setup = service.worker(1);
    let log = Arc::new(Unreliable::new(service.store.clone(), plan));
    setup.log = Arc::new(Sabotaged { log, bug: Bug::IgnoresTheEpoch });
    let zombie = setup.start();
    until(&zombie, |metrics| metrics.lanes_held == 1).await;
    is_cut.store(true, Ordering::SeqCst);
    service.recorder.leases_lost(worker_id(1));
    let second = service.worker(2).start();
    until(&second, |metrics| metrics.lanes_held == 1).await;
    is_cut.store(false, Ordering::SeqCst);
    service.tally("acme", 20).await;
    until(&second, |metrics| metrics.recorded == 20).await;
    until(&zombie, |metrics| metrics.recorded == 20).await;
    let violations = service.violations();
    let convicted = violations.iter().any(|v| matches!(v, Violation::Duplicates { .. }));
    assert!(convicted, "{violations:?}");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_skips_an_event_is_convicted_of_loss_and_of_the_gap() {
    let service = Service::start(1).await;
    let relay = sabotaged(&service, Bug::Skips(5)).start();
    service.tally("acme", 8).await;
    service.events(7).await;
    relay.stop().await.expect("the store answers");
    let violations = service.violations();
    assert!(matches!(violations[0], Violation::Lost { .. }), "{violations:?}");
    assert!(matches!(violations[1], Violation::OutOfOrder { .. }), "{violations:?}");
}

/// What is more of a lane than one send may have is to be left in the log, and not passed over.
#[tokio::test(start_paused = true)]
async fn a_relay_that_passes_over_what_is_too_much_for_one_send_is_convicted_of_loss() {
    let service = Service::start(1).await;
    service.tally("acme", 4).await;
    let relay = sabotaged(&service, Bug::LeavesTheRest(3)).start();
    service.events(3).await;
    service.tally("acme", 1).await;
    service.events(4).await;
    relay.stop().await.expect("the store answers");
    let violations = service.violations();
    let lost = violations.iter().filter(|v| matches!(v, Violation::Lost { .. })).count();
    assert_eq!(lost, 1, "{violations:?}");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_follows_positions_only_is_convicted_of_loss() {
    let service = Service::start(1).await;
    service.tally("acme", 1).await;
    service.tally("acme", 1).await;
    let late = service.recorder.history().intents.first().expect("two commits").events[0];
    let uncommitted = Arc::new(AtomicBool::new(true));
    let bug = Bug::FollowsPositions { uncommitted: uncommitted.clone(), event: late };
    let relay = sabotaged(&service, bug).start();
    service.events(1).await;
    until(&relay, |metrics| metrics.recorded == 1).await;
    uncommitted.store(false, Ordering::SeqCst); // Now it is committed, behind the position.
    service.tally("acme", 1).await;
    service.events(2).await;
    relay.stop().await.expect("the store answers");
    let violations = service.violations();
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert!(matches!(violations[0], Violation::Lost { event, .. } if event == late));
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_numbers_anew_is_convicted_of_misnumbering() {
    let service = Service::start(1).await;
    for number in 1..=2 {
        service.tally("acme", 2).await;
        let mut setup = service.worker(number);
        setup.log = Arc::new(Sabotaged { log: setup.log, bug: Bug::NumbersAnew });
        let relay = setup.start();
        until(&relay, |metrics| metrics.published == 2).await;
        relay.stop().await.expect("the store answers");
    }
    let violations = service.violations();
    let convicted = violations.iter().any(|v| matches!(v, Violation::Misnumbered { .. }));
    assert!(convicted, "{violations:?}");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_sends_what_was_rolled_back_is_convicted_of_a_phantom() {
    let service = Service::start(1).await;
    let tally = service.tally("acme", 1).await;
    service.count_too_late("acme", tally).await;
    let intents = service.recorder.history().intents;
    let rolled_back = intents.iter().find(|intent| intent.outcome == Outcome::RolledBack);
    let phantom = rolled_back.expect("one commit was too late").events[0];
    let relay = sabotaged(&service, Bug::ReadsUncommitted(phantom)).start();
    until(&relay, |metrics| metrics.recorded == 2).await;
    let violations = service.violations();
    assert!(violations.contains(&Violation::Phantom { event: phantom }), "{violations:?}");
}

/// Swaps the first two messages of one aggregate in each batch.
struct Swapping(Arc<dyn EventBus>);

impl EventBus for Swapping {
    delegate_port!(EventBus { system, guarantees } => |this| this.0);

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let mut swapped = messages.to_vec();
            let aggregate = |message: &Message| message.event.aggregate_id;
            let twin =
                (1..swapped.len()).find(|at| aggregate(&swapped[*at]) == aggregate(&swapped[0]));
            if let Some(twin) = twin {
                swapped.swap(0, twin);
            }
            self.0.publish(&swapped).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_swaps_the_messages_of_an_aggregate_is_convicted_of_disorder() {
    let service = Service::start(1).await;
    service.tally("acme", 3).await;
    let mut setup = service.worker(1);
    setup.bus = Arc::new(Swapping(setup.bus));
    let _relay = setup.start();
    timeout(LONG, service.recorder.wait_for_events(3)).await.expect("they arrive");
    let violations = service.violations();
    assert!(matches!(violations[0], Violation::OutOfOrder { .. }), "{violations:?}");
}
