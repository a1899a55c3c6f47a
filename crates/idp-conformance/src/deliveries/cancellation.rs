//! A call that is dropped, as when its worker is stopped, did the whole of it or nothing.

use crate::Harness;
use crate::abandon::abandon_after;
use crate::clauses::clauses;
use crate::courier::{Courier, command, count, key, labels, refused};
use crate::eventually::eventually;
use crate::follower::LONG;
use idp_application::{AsideReason, DeadLetterAction, Settlement};
use idp_domain::Timestamp;

clauses! {
    macro deliveries_cancellation of deliveries::cancellation;
    a_record_dropped_at_any_await_point_happens_as_a_whole_or_not_at_all,
    what_is_due_is_numbered_once_however_often_asking_is_given_up,
    a_settlement_dropped_at_any_await_point_happens_as_a_whole_or_not_at_all,
    a_command_dropped_at_any_await_point_happens_with_its_record_or_not_at_all,
}

/// More often than any pool has connections.
const ROUNDS: u32 = 12;

/// A future of a store that is polled so often and does not end never will.
const POLLS_MAX: u32 = 1_000;

fn at_once() -> AsideReason {
    AsideReason::Scheduled(Timestamp::UNIX_EPOCH)
}

/// The worker that comes next sees the position moved with the event set aside, or neither.
pub async fn a_record_dropped_at_any_await_point_happens_as_a_whole_or_not_at_all<H: Harness>(
    harness: H,
) {
    let store = harness.backend();
    let mut courier = Courier::start(&store).await;
    for recorded in 0..i64::from(ROUNDS) {
        count(&store, &[1]).await;
        for polls in 0..POLLS_MAX {
            let records = courier.sort(1, |_| Some(refused("no"))).await;
            let record = store.record(courier.reader(), &records, LONG);
            let ended = abandon_after(record, polls).await;
            courier = patient_successor(&courier).await;
            let place = courier.follower.leases[0].sequence;
            let blocked = courier.blocked().await.first().map_or(0, |(_, events)| *events);
            let parked = courier.parked().await.first().map_or(0, |parked| parked.attempts);
            assert_eq!((i64::from(blocked), parked), (place, blocked), "at {place}");
            assert!(place == recorded || place == recorded + 1, "{place} after {recorded}");
            if let Some(held) = ended {
                assert_eq!((held.expect("recorded").len(), place), (1, recorded + 1));
            }
            if place > recorded {
                break;
            }
            assert!(polls + 1 < POLLS_MAX, "the call never ends");
        }
    }
}

/// The next worker; the lane may be locked for a moment by what is on its way.
async fn patient_successor(courier: &Courier) -> Courier {
    let mut next = courier.successor().await;
    eventually("the lease", async || {
        if next.follower.leases.is_empty() {
            next.follower.claim(1, LONG).await;
        }
        (!next.follower.leases.is_empty()).then_some(())
    })
    .await;
    next
}

/// And the same event has the same number.
pub async fn what_is_due_is_numbered_once_however_often_asking_is_given_up<H: Harness>(harness: H) {
    let store = harness.backend();
    let mut courier = Courier::start(&store).await;
    for round in 1..=i64::from(ROUNDS) {
        count(&store, &[1, 2]).await;
        let records = courier.sort(2, |_| Some(at_once())).await;
        courier.record(&records).await;
        for polls in 0..POLLS_MAX {
            let due = store.due(courier.reader(), &courier.follower.leases, 1);
            if abandon_after(due, polls).await.is_some() {
                break;
            }
            assert!(polls + 1 < POLLS_MAX, "the call never ends");
        }
        let numbers = eventually("both events", async || {
            let due = courier.due_labels().await;
            (due.len() == 2).then(|| due.iter().map(|(number, _)| *number).collect::<Vec<_>>())
        })
        .await;
        assert_eq!(numbers, [2 * round - 1, 2 * round]);
        courier.settle(2 * round, None).await;
    }
}

/// What was acknowledged is gone and what was refused is parked, or neither.
pub async fn a_settlement_dropped_at_any_await_point_happens_as_a_whole_or_not_at_all<
    H: Harness,
>(
    harness: H,
) {
    let store = harness.backend();
    let mut courier = Courier::start(&store).await;
    for round in 1..=i64::from(ROUNDS) {
        count(&store, &[1, 2]).await;
        let records = courier.sort(2, |_| Some(at_once())).await;
        courier.record(&records).await;
        assert_eq!(courier.due_labels().await.len(), 2);
        let (first, second) = (2 * round - 1, 2 * round);
        for polls in 0..POLLS_MAX {
            let lease = courier.follower.leases[0];
            let settlement = Settlement {
                lane: lease.lane,
                epoch: lease.epoch,
                through: first,
                refused: Some((second, "no".to_owned())),
            };
            let ended = abandon_after(store.settle(courier.reader(), &settlement), polls).await;
            courier = patient_successor(&courier).await;
            let (due, parked) = (courier.due_labels().await.len(), courier.parked().await.len());
            assert!((due, parked) == (2, 0) || (due, parked) == (0, 1), "{due} and {parked}");
            if parked == 1 {
                break;
            }
            assert!(ended.is_none() && polls + 1 < POLLS_MAX, "the call never ends");
        }
        let number = crate::courier::number_of(&courier.the_parked().await.key);
        courier.command(number, DeadLetterAction::DiscardKey).await.expect("it is parked");
    }
}

/// A later command of another tells: it gives the key a revision that the dropped one is not about.
pub async fn a_command_dropped_at_any_await_point_happens_with_its_record_or_not_at_all<
    H: Harness,
>(
    harness: H,
) {
    let store = harness.backend();
    let mut courier = Courier::start(&store).await;
    let reader = courier.reader().name.clone();
    count(&store, &[1, 1]).await;
    courier.set_aside(2, &[("1:1", refused("no")), ("1:2", AsideReason::Behind)]).await;
    let (other, event) = (courier.event(1, "1:1").await, courier.event(1, "1:2").await);
    let edit = |event, payload: &str| DeadLetterAction::Edit { event, payload: payload.to_owned() };
    let mut done = 0;
    for round in 0..ROUNDS {
        for polls in 0..POLLS_MAX {
            let payload = format!("{}", u64::from(round) * 1_000 + u64::from(polls));
            let revision = courier.the_parked().await.revision;
            let given = command(key("acme", 1), revision, edit(event, &payload));
            let ended = abandon_after(store.command(&reader, &given), polls).await;
            eventually("a later command", async || courier.command(1, edit(other, "0")).await.ok())
                .await;
            let records = store.records(&reader, 10_000).await.expect("read");
            let recorded = records.iter().filter(|record| record.events == [event]).count();
            let events = store.events(&reader, &key("acme", 1)).await.expect("listed");
            let is_done = events[1].envelope.payload == payload;
            assert_eq!(recorded, done + usize::from(is_done));
            done = recorded;
            if is_done {
                break;
            }
            assert!(ended.is_none() && polls + 1 < POLLS_MAX, "the call never ends");
        }
    }
    courier.resume(1).await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:1"), (2, "1:2")]));
}
