//! What is due, under which numbers, and what a settlement does to it.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, labels, refused};
use crate::fixture::refused as fails;
use idp_application::{AsideReason, DeadLetterAction, ErrorKind, Settled};
use idp_domain::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

clauses! {
    macro deliveries_sending of deliveries::sending;
    what_was_given_is_given_again_under_the_same_numbers,
    what_was_given_is_given_before_anything_else,
    what_was_given_is_given_again_when_its_key_is_parked_meanwhile,
    a_number_is_never_given_to_another_event,
    a_limit_is_kept_and_the_rest_is_announced,
    each_lane_has_one_batch_and_numbers_of_its_own,
    a_settlement_removes_what_was_acknowledged_and_no_more,
    a_settlement_that_comes_twice_or_late_changes_nothing,
    a_settlement_that_refuses_what_it_acknowledges_is_invalid,
    a_worker_that_lost_its_lane_gets_nothing,
    a_settlement_under_an_old_epoch_is_fenced,
}

/// An event of each of so many counters of acme, all due at once.
async fn all_due<H: Harness>(harness: &H, numbers: &[u128]) -> Courier {
    let store = harness.backend();
    count(&store, numbers).await;
    let mut courier = Courier::start(&store).await;
    let records = courier.sort(numbers.len(), |_| Some(at_once())).await;
    courier.record(&records).await;
    courier
}

fn at_once() -> AsideReason {
    AsideReason::Scheduled(Timestamp::UNIX_EPOCH)
}

/// By whoever asks.
pub async fn what_was_given_is_given_again_under_the_same_numbers<H: Harness>(harness: H) {
    let mut courier = all_due(&harness, &[1, 2, 3, 1]).await;
    let given = courier.due_labels().await;
    let numbers: Vec<_> = given.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    for _ in 0..3 {
        assert_eq!(courier.due_labels().await, given);
        courier = courier.successor().await;
    }
    assert_eq!(courier.due_labels().await, given);
}

/// Also before what stands before it in the log.
pub async fn what_was_given_is_given_before_anything_else<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 3]).await;
    let mut courier = Courier::start(&store).await;
    let reasons = [("1:1", refused("no")), ("2:1", at_once()), ("3:1", at_once())];
    courier.set_aside(3, &reasons).await;
    let first = courier.due_labels().await;
    assert_eq!(first.len(), 2);
    courier.resume(1).await;
    let next = courier.successor().await;
    let limited = next.due(1).await;
    assert_eq!(limited.batches[0].entries[0].sequence, 1);
    assert_eq!(limited.next, Some(Duration::ZERO), "1:1 is due");
    let all = next.due_labels().await;
    assert_eq!(all[..2], first);
    assert_eq!(all[2..], labels(&[(3, "1:1")]));
}

/// It may be at the bus already: to forget its number would be to send it twice.
pub async fn what_was_given_is_given_again_when_its_key_is_parked_meanwhile<H: Harness>(
    harness: H,
) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(1, &[("1:1", at_once())]).await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:1")]));
    courier.set_aside(1, &[("1:2", refused("no"))]).await;
    let next = courier.successor().await;
    assert_eq!(next.due_labels().await, labels(&[(1, "1:1")]));
    assert_eq!(next.settle(1, None).await, [0; 0], "1:2 blocks the key");
    assert_eq!(next.blocked().await, [(1, 1)]);
    assert_eq!(next.due(10).await, Default::default());
}

/// Not after all of them were settled, nor by another worker.
pub async fn a_number_is_never_given_to_another_event<H: Harness>(harness: H) {
    let store = harness.backend();
    let mut courier = Courier::start(&store).await;
    let mut last = 0;
    for round in 0..6_i64 {
        count(&store, &[1, 2]).await;
        let records = courier.sort(2, |_| Some(at_once())).await;
        courier.record(&records).await;
        let given = courier.due_labels().await;
        let numbers: Vec<_> = given.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [last + 1, last + 2], "round {round}");
        last += 2;
        if round % 2 == 0 {
            courier.settle(last, None).await;
        } else {
            courier.settle(last - 1, Some((last, "no"))).await;
            let [parked] = &courier.parked().await[..] else { panic!("one is parked") };
            let number = crate::courier::number_of(&parked.key);
            courier.command(number, DeadLetterAction::DiscardKey).await.expect("it is parked");
        }
        courier = courier.successor().await;
    }
}

/// With no time to wait.
pub async fn a_limit_is_kept_and_the_rest_is_announced<H: Harness>(harness: H) {
    let courier = all_due(&harness, &[1, 2, 3, 4, 5]).await;
    let due = courier.due(2).await;
    assert_eq!(due.batches[0].entries.len(), 2);
    assert_eq!(due.next, Some(Duration::ZERO));
    assert_eq!(courier.due(0).await.batches, []);
    assert_eq!(courier.due(2).await, due);
    let all = courier.due(5).await;
    assert_eq!((all.batches[0].entries.len(), all.next), (5, None));
    assert_eq!(all.batches[0].entries[..2], due.batches[0].entries);
    assert_eq!(courier.due(2).await.batches, due.batches, "the first that were given");
}

/// Which rise from 1.
pub async fn each_lane_has_one_batch_and_numbers_of_its_own<H: Harness>(harness: H) {
    let store = harness.backend();
    let numbers: Vec<u128> = (1..=20).collect();
    count(&store, &numbers).await;
    count(&store, &numbers).await;
    let mut courier = Courier::of_all_lanes(&store).await;
    let records = courier.sort(40, |_| Some(at_once())).await;
    courier.record(&records).await;
    let due = courier.due(100).await;
    let mut expected = BTreeMap::new();
    for record in &records {
        expected.insert(record.progress.lane, record.aside.len());
    }
    expected.retain(|_, count| *count > 0);
    assert!(expected.len() > 1, "the counters are in several lanes");
    let given: BTreeMap<_, _> =
        due.batches.iter().map(|batch| (batch.lane, batch.entries.len())).collect();
    assert_eq!(given, expected);
    assert_eq!(given.len(), due.batches.len(), "a lane has two batches");
    for batch in &due.batches {
        let numbers = batch.entries.iter().map(|entry| entry.sequence);
        assert!(numbers.eq(1..=i64::try_from(batch.entries.len()).expect("few")), "{batch:?}");
    }
    let few = courier.due(7).await;
    let count: usize = few.batches.iter().map(|batch| batch.entries.len()).sum();
    assert_eq!(count, 7, "all in all");
}

/// The others are given again.
pub async fn a_settlement_removes_what_was_acknowledged_and_no_more<H: Harness>(harness: H) {
    let courier = all_due(&harness, &[1, 2, 3, 4, 5]).await;
    let given = courier.due_labels().await;
    courier.settle(0, None).await;
    assert_eq!(courier.due_labels().await, given);
    courier.settle(3, None).await;
    assert_eq!(courier.due_labels().await, given[3..]);
    courier.settle(3, Some((4, "no"))).await;
    assert_eq!(courier.due_labels().await, given[4..]);
    assert_eq!(courier.parked().await.len(), 1);
    courier.settle(5, None).await;
    assert_eq!(courier.due(10).await, Default::default());
}

/// As when the answer was lost, and the worker went on.
pub async fn a_settlement_that_comes_twice_or_late_changes_nothing<H: Harness>(harness: H) {
    let courier = all_due(&harness, &[1, 2, 3, 4]).await;
    let given = courier.due_labels().await;
    for _ in 0..2 {
        courier.settle(1, Some((2, "no"))).await;
        assert_eq!(courier.due_labels().await, given[2..]);
        assert_eq!(courier.the_parked().await.attempts, 1);
    }
    let number = crate::courier::number_of(&courier.the_parked().await.key);
    courier.resume(number).await;
    let again = courier.due_labels().await;
    assert_eq!(again[2].0, 5);
    courier.settle(1, Some((2, "no"))).await;
    assert_eq!(courier.due_labels().await, again, "number 2 is nobody's any more");
    assert!(!courier.the_parked().await.is_parked);
}

/// And changes nothing.
pub async fn a_settlement_that_refuses_what_it_acknowledges_is_invalid<H: Harness>(harness: H) {
    let courier = all_due(&harness, &[1, 2]).await;
    let given = courier.due_labels().await;
    for refused in [1, 2] {
        fails(courier.try_settle(2, Some((refused, "no"))).await, ErrorKind::Invalid);
    }
    assert_eq!(courier.due_labels().await, given);
    assert_eq!(courier.parked().await, []);
}

/// Of that lane.
pub async fn a_worker_that_lost_its_lane_gets_nothing<H: Harness>(harness: H) {
    let zombie = all_due(&harness, &[1, 2]).await;
    let owner = zombie.successor().await;
    assert_eq!(zombie.due(10).await, Default::default());
    let given = owner.due_labels().await;
    assert_eq!(given.len(), 2);
    assert_eq!(zombie.due(10).await, Default::default(), "what was given is not for it either");
    let both = [zombie.follower.leases.clone(), owner.follower.leases.clone()].concat();
    let due = owner.store.due(owner.reader(), &both, 10).await.expect("asked");
    assert_eq!(due.batches.len(), 1);
    assert_eq!(owner.due_labels().await, given);
    let store = Arc::clone(&owner.store);
    let owner_gone = owner.follower.worker;
    let released = store.release(owner.reader(), owner_gone, &owner.follower.leases).await;
    released.expect("leases can be given back");
    assert_eq!(owner.due(10).await, Default::default(), "the lane is nobody's");
}

/// It neither removes nor parks.
pub async fn a_settlement_under_an_old_epoch_is_fenced<H: Harness>(harness: H) {
    let zombie = all_due(&harness, &[1, 2]).await;
    let given = zombie.due_labels().await;
    let owner = zombie.successor().await;
    for (through, refused) in [(2, None), (0, Some((1, "no"))), (0, None)] {
        let settled = zombie.try_settle(through, refused).await.expect("an answer");
        assert_eq!(settled, Settled::Fenced);
    }
    assert_eq!(owner.due_labels().await, given);
    assert_eq!(owner.parked().await, []);
}
