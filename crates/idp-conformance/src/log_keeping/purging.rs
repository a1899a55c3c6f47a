//! What is dropped, and what is not.

use super::KeepingHarness;
use crate::clauses::clauses;
use crate::eventually::eventually;
use crate::fixture::{
    ann, ann_of, application, count_on, counter_id, given_counter, refused, tenant,
};
use crate::follower::{Follower, LONG, by_lane, new_uuid, whole};
use crate::sample::{BoardRow, Counter};
use idp_application::{
    Actor, Application, Backend, ErrorKind, HoldFrom, KeepingAction, KeepingCommand, Lane,
    LaneLease, LogKeeping, LoggedEvent, PurgeBlock, PurgePolicy, PurgeReport, TenantScope,
    TrackChange, TrackReading,
};
use idp_domain::{Record, Uuid};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

clauses! {
    macro log_keeping_purging of log_keeping::purging;
    nothing_is_dropped_without_a_reader,
    what_every_reader_has_passed_is_dropped,
    what_a_reader_has_not_passed_is_kept,
    what_the_track_of_a_tenant_has_not_passed_is_kept,
    a_hold_keeps_what_is_there,
    the_policy_keeps_more,
    a_late_reader_counts_as_the_others_do,
    a_late_reader_is_told_how_many_events_it_missed,
    a_place_behind_which_something_was_dropped_cannot_be_read,
    a_read_model_is_not_rebuilt_from_a_part_of_the_log,
    readers_that_join_while_the_log_is_purged_miss_nothing,
}

/// Keeps nothing beyond what must be kept.
pub(super) const EVERYTHING: PurgePolicy =
    PurgePolicy { keep_for: Duration::ZERO, keep_events: 0, events_max: u64::MAX };

const COUNTERS: u128 = 5;
pub(super) const ROUND: usize = 40;

/// Forty events more, of a few counters.
pub(super) async fn count(backend: &Arc<dyn Backend>) {
    let app = application(backend);
    for number in 1..=COUNTERS {
        if crate::fixture::stored::<Counter>(&app, &ann(), counter_id(number)).await.is_none() {
            given_counter(&app, &ann(), number).await;
        }
    }
    count_each(&app).await;
}

async fn count_each(app: &Application) {
    for step in 0..u128::try_from(ROUND).expect("few") {
        count_on(app, &ann(), counter_id(step % COUNTERS + 1)).await;
    }
}

/// Reads so many events, moves on behind them as far as the log goes, and records that.
pub(super) async fn pass(follower: &mut Follower, count: usize) -> Vec<(Lane, LoggedEvent)> {
    let events = follower.take(count).await;
    assert!(follower.read(1).await.is_empty(), "there are no more");
    assert_eq!(follower.advance(LONG).await.len(), follower.leases.len());
    events
}

pub(super) async fn purge(store: &Arc<dyn LogKeeping>) -> PurgeReport {
    store.purge(&EVERYTHING).await.expect("the log can be purged")
}

/// Purges until something is dropped.
pub(super) async fn purge_some(store: &Arc<dyn LogKeeping>) -> u64 {
    eventually("something to be dropped", async || {
        Some(purge(store).await.events_dropped).filter(|dropped| *dropped > 0)
    })
    .await
}

pub(crate) fn command(action: KeepingAction) -> KeepingCommand {
    KeepingCommand { actor: Actor::new("ann"), action, reason: "because".into() }
}

/// Nobody could say what was read.
pub async fn nothing_is_dropped_without_a_reader<H: KeepingHarness>(harness: H) {
    let backend = harness.backend();
    count(&backend).await;
    let report = purge(&harness.keeping()).await;
    assert_eq!((report.events_dropped, report.blocked_by), (0, Some(PurgeBlock::NoReader)));
    pass(&mut Follower::start(&backend, &whole("projector")).await, ROUND).await;
}

/// And the readers read on.
pub async fn what_every_reader_has_passed_is_dropped<H: KeepingHarness>(harness: H) {
    let backend = harness.backend();
    let mut first = Follower::start(&backend, &by_lane("relay")).await;
    let mut second = Follower::start(&backend, &whole("projector")).await;
    for _ in 0..3 {
        count(&backend).await;
        pass(&mut first, ROUND).await;
        pass(&mut second, ROUND).await;
        let dropped = purge_some(&harness.keeping()).await;
        assert!(dropped > 20, "of forty and more passed events, {dropped} were dropped");
    }
}

/// However often one purges; and the report names who is behind.
pub async fn what_a_reader_has_not_passed_is_kept<H: KeepingHarness>(harness: H) {
    let backend = harness.backend();
    let mut fast = Follower::start(&backend, &by_lane("fast")).await;
    let mut slow = Follower::start(&backend, &by_lane("slow")).await;
    count(&backend).await;
    pass(&mut fast, ROUND).await;
    slow.take(ROUND / 2).await;
    slow.advance(LONG).await;
    let unread = slow.leases.clone();
    for _ in 0..3 {
        let report = purge(&harness.keeping()).await;
        let Some(PurgeBlock::Reader(behind)) = report.blocked_by else {
            panic!("`slow` is behind, not {report:?}");
        };
        assert_eq!(behind.reader, "slow");
        assert!(behind.since.is_some());
    }
    let statuses = harness.keeping().readers().await.expect("the readers can be asked for");
    let names: Vec<_> = statuses.iter().map(|status| status.name.as_str()).collect();
    assert_eq!(names, ["fast", "slow"]);
    assert!(statuses.iter().all(|status| status.workers_live == 1));
    assert!(statuses[1].furthest_behind.since.is_some());
    slow.leases = unread;
    slow.take(ROUND - ROUND / 2).await;
}

/// Though its lane has.
pub async fn what_the_track_of_a_tenant_has_not_passed_is_kept<H: KeepingHarness>(harness: H) {
    let backend = harness.backend();
    let mut reader = Follower::start(&backend, &whole("relay")).await;
    let change = TrackChange {
        lane: Lane::WHOLE,
        epoch: reader.leases[0].epoch,
        revision: 0,
        tenant: tenant("acme"),
    };
    let split = harness.relay_log().split(&reader.reader, &change).await.expect("no trouble");
    assert_eq!(split.expect("it holds the lease").tracks.len(), 1);
    count(&backend).await;
    pass(&mut reader, ROUND).await;
    let report = purge(&harness.keeping()).await;
    assert_eq!(report.events_dropped, 0);
    let Some(PurgeBlock::Reader(behind)) = report.blocked_by else {
        panic!("the track is behind, not {report:?}");
    };
    assert_eq!(behind.tenant, Some(tenant("acme")));
}

/// Until it is released.
pub async fn a_hold_keeps_what_is_there<H: KeepingHarness>(harness: H) {
    let (backend, keeping) = (harness.backend(), harness.keeping());
    let mut reader = Follower::start(&backend, &whole("projector")).await;
    count(&backend).await;
    pass(&mut reader, ROUND).await;
    let name = "audit".to_owned();
    let hold = KeepingAction::Hold { name: name.clone(), from: HoldFrom::Oldest };
    keeping.keep(&command(hold)).await.expect("the name is free");
    count(&backend).await;
    pass(&mut reader, ROUND).await;
    let report = purge(&keeping).await;
    assert_eq!(report.events_dropped, 0);
    let held = matches!(&report.blocked_by, Some(PurgeBlock::Hold(hold)) if hold.name == name);
    assert!(held, "{report:?}");
    keeping.keep(&command(KeepingAction::Release { name })).await.expect("it is there");
    purge_some(&keeping).await;
}

/// By age and by number.
pub async fn the_policy_keeps_more<H: KeepingHarness>(harness: H) {
    let (backend, keeping) = (harness.backend(), harness.keeping());
    let mut reader = Follower::start(&backend, &whole("projector")).await;
    count(&backend).await;
    pass(&mut reader, ROUND).await;
    let forever = PurgePolicy { keep_for: Duration::from_secs(1 << 36), ..EVERYTHING };
    let all = PurgePolicy { keep_events: 1_000, ..EVERYTHING };
    for policy in [forever, all] {
        let report = keeping.purge(&policy).await.expect("the log can be purged");
        assert_eq!((report.events_dropped, report.blocked_by), (0, Some(PurgeBlock::Policy)));
    }
    let nothing = PurgePolicy { events_max: 0, ..EVERYTHING };
    refused(keeping.purge(&nothing).await, ErrorKind::Invalid);
    let half = PurgePolicy { keep_events: 20, ..EVERYTHING };
    let report = keeping.purge(&half).await.expect("the log can be purged");
    assert!(report.events_dropped <= 20, "{report:?}");
    purge_some(&keeping).await;
}

type Numbers = BTreeMap<(Lane, Uuid), i64>;

/// The number of each event in its lane, of events that were read behind these numbers.
fn numbered(before: &[(Lane, i64)], events: &[(Lane, LoggedEvent)]) -> Numbers {
    let mut last: BTreeMap<Lane, i64> = before.iter().copied().collect();
    let number = |(lane, event): &(Lane, LoggedEvent)| {
        let last = last.entry(*lane).or_default();
        *last += 1;
        ((*lane, event.envelope.event_id), *last)
    };
    events.iter().map(number).collect()
}

fn last_numbers(follower: &Follower) -> Vec<(Lane, i64)> {
    follower.leases.iter().map(|lease| (lease.lane, lease.sequence)).collect()
}

/// When it joins, each time, and in its status; and no other reader is told of any.
pub async fn a_late_reader_is_told_how_many_events_it_missed<H: KeepingHarness>(harness: H) {
    let (backend, keeping) = (harness.backend(), harness.keeping());
    let mut early = Follower::start(&backend, &whole("early")).await;
    count(&backend).await;
    pass(&mut early, ROUND).await;
    let dropped = purge_some(&keeping).await;
    for late in [by_lane("late relay"), whole("late projector")] {
        let late = Follower::start(&backend, &late).await;
        for _ in 0..2 {
            let joined = backend.join(&late.reader, late.worker, LONG).await.expect("joined");
            assert_eq!(joined.events_missed, dropped);
        }
        let joined = backend.join(&early.reader, early.worker, LONG).await.expect("joined");
        assert_eq!(joined.events_missed, 0);
    }
    let statuses = keeping.readers().await.expect("the readers can be asked for");
    let missed: Vec<_> = statuses.iter().map(|status| status.events_missed).collect();
    assert_eq!(missed, [0, dropped, dropped]);
}

/// Whether they share the log or read it as a whole.
pub async fn a_late_reader_counts_as_the_others_do<H: KeepingHarness>(harness: H) {
    let backend = harness.backend();
    let readers = [by_lane("relay"), whole("projector")];
    let mut early = Vec::new();
    for reader in &readers {
        early.push(Follower::start(&backend, reader).await);
    }
    let mut numbers = Numbers::new();
    for round in 0..3 {
        count(&backend).await;
        for follower in &mut early {
            let before = last_numbers(follower);
            let events = pass(follower, ROUND).await;
            numbers.extend(numbered(&before, &events));
        }
        purge_some(&harness.keeping()).await;
        count(&backend).await;
        for follower in &mut early {
            let before = last_numbers(follower);
            numbers.extend(numbered(&before, &pass(follower, ROUND).await));
        }
        for sharding in [by_lane(&format!("late {round}")), whole(&format!("later {round}"))] {
            let mut late = Follower::start(&backend, &sharding).await;
            let before = last_numbers(&late);
            assert!(before.iter().any(|(_, number)| *number > 0), "something was dropped");
            let mut events = late.take(ROUND).await;
            loop {
                let more = late.read(100).await;
                if more.is_empty() {
                    break;
                }
                events.extend(more);
            }
            for (event, number) in numbered(&before, &events) {
                assert_eq!(numbers.get(&event), Some(&number), "{event:?}");
            }
            let forget = KeepingAction::Forget { reader: late.reader.name, is_forced: true };
            harness.keeping().keep(&command(forget)).await.expect("it is there");
        }
    }
}

/// A worker that lost its lease long ago finds out.
pub async fn a_place_behind_which_something_was_dropped_cannot_be_read<H: KeepingHarness>(
    harness: H,
) {
    let backend = harness.backend();
    for reader in [by_lane("relay"), whole("projector")] {
        let mut reader = Follower::start(&backend, &reader).await;
        let old = reader.leases.clone();
        count(&backend).await;
        pass(&mut reader, ROUND).await;
        purge_some(&harness.keeping()).await;
        for process in [harness.backend(), harness.second_process().await] {
            refused(process.read(&old, 100).await, ErrorKind::Corrupt);
        }
        for scope in [TenantScope::Only(tenant("acme")), TenantScope::Except(Vec::new())] {
            let of = |lease: &LaneLease| {
                let (lane, cursor) = (lease.lane, lease.cursor);
                TrackReading { lane, cursor, scope: scope.clone(), until: None }
            };
            let readings: Vec<_> = old.iter().map(of).collect();
            let read = harness.relay_log().read_tracks(&readings, 100).await;
            refused(read, ErrorKind::Corrupt);
        }
        assert_eq!(reader.read(100).await, [], "who has passed it reads on");
        reader.release().await;
        let forget = KeepingAction::Forget { reader: reader.reader.name, is_forced: true };
        harness.keeping().keep(&command(forget)).await.expect("it is there");
    }
}

/// What was dropped would be missing in it.
pub async fn a_read_model_is_not_rebuilt_from_a_part_of_the_log<H: KeepingHarness>(harness: H) {
    let backend = harness.backend();
    let mut reader = Follower::start(&backend, &whole("projector")).await;
    count(&backend).await;
    pass(&mut reader, ROUND).await;
    purge_some(&harness.keeping()).await;
    let epoch = reader.leases[0].epoch;
    refused(backend.reset(&reader.reader, epoch, BoardRow::SCHEMA).await, ErrorKind::Unsupported);
    let after = reader.give_back_and_claim().await;
    assert_eq!(after.sequence, i64::try_from(ROUND).expect("few"));
}

/// Each reads, from its beginning on, everything that is committed, without a gap.
pub async fn readers_that_join_while_the_log_is_purged_miss_nothing<H: KeepingHarness>(harness: H) {
    const ROUNDS: usize = 4;
    let (backend, keeping) = (harness.backend(), harness.keeping());
    let mut steady = Follower::start(&backend, &whole("steady")).await;
    count(&backend).await;
    let mut order: Vec<Uuid> = Vec::new();
    let id = |event: &(Lane, LoggedEvent)| event.1.envelope.event_id;
    order.extend(pass(&mut steady, ROUND).await.iter().map(id));

    let writer = backend.clone();
    let writing = tokio::spawn(async move {
        for _ in 0..ROUNDS {
            count_each(&application(&writer)).await;
        }
    });
    let purger = keeping.clone();
    let purging = tokio::spawn(async move {
        let mut dropped = 0;
        for _ in 0..200 {
            dropped += purge(&purger).await.events_dropped;
            tokio::task::yield_now().await;
        }
        dropped
    });
    let all_joined = Cell::new(false);
    let joining = async {
        let mut joined = Vec::new();
        for _ in 0..6 {
            let mut late =
                Follower::start(&backend, &whole(&format!("joined {}", new_uuid()))).await;
            let first = late.leases[0].sequence;
            let ids: Vec<_> = late.take(1).await.iter().map(id).collect();
            joined.push((late, first, ids));
        }
        all_joined.set(true);
        joined
    };
    let reading = eventually("all to have joined", async || {
        order.extend(steady.read(7).await.iter().map(id));
        steady.advance(LONG).await;
        // Something is there to be read for whoever joins at the end of the log.
        if writing.is_finished() {
            count_on(&application(&backend), &ann(), counter_id(1)).await;
        }
        all_joined.get().then_some(())
    });
    let (joined, ()) = tokio::join!(joining, reading);
    writing.await.expect("nobody is kept from writing");
    purging.await.expect("nobody fails to purge");
    given_counter(&application(&backend), &ann_of("end"), 1).await;
    count_on(&application(&backend), &ann_of("end"), counter_id(1)).await;
    let end = async |follower: &mut Follower, ids: &mut Vec<Uuid>| {
        let mut is_over = false;
        eventually("the last event", async || {
            let events = follower.read(50).await;
            is_over |= events.iter().any(|(_, e)| e.envelope.tenant.as_str() == "end");
            ids.extend(events.iter().map(id));
            is_over.then_some(())
        })
        .await;
    };
    end(&mut steady, &mut order).await;
    for (mut late, first, mut ids) in joined {
        end(&mut late, &mut ids).await;
        let first = usize::try_from(first).expect("not negative");
        assert_eq!(ids, order[first..], "a reader that began behind {first} events");
    }
}
