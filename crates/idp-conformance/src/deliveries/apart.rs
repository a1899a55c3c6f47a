//! Tenants, readers and lanes: none shows what is another's.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, count_for, key, labels, refused};
use crate::fixture::tenant;
use crate::follower::whole;
use idp_application::{AsideReason, DeadLetterAction, ParkedKey};
use idp_domain::Timestamp;

clauses! {
    macro deliveries_apart of deliveries::apart;
    a_key_of_one_tenant_never_shows_for_another,
    what_is_done_to_a_key_of_one_tenant_leaves_that_of_another_alone,
    readers_set_aside_on_their_own,
    blocked_keys_are_those_of_the_lanes_asked_about,
}

/// Also where both have an aggregate of the same identity.
pub async fn a_key_of_one_tenant_never_shows_for_another<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    count_for(&store, "globex", &[1, 2]).await;
    let mut courier = Courier::start(&store).await;
    let records = courier.sort(4, |_| Some(refused("no"))).await;
    courier.record(&records).await;
    let reader = courier.reader().name.clone();
    for (name, numbers) in [("acme", vec![1]), ("globex", vec![1, 2]), ("initech", vec![])] {
        let of_tenant = tenant(name);
        let parked = store.parked(&reader, Some(&of_tenant), None, 100).await.expect("listed");
        let keys: Vec<_> = parked.iter().map(|parked| parked.key.clone()).collect();
        let expected: Vec<_> = numbers.iter().map(|number| key(name, *number)).collect();
        assert_eq!(keys, expected);
        let after = key("acme", 0);
        let behind = store.parked(&reader, Some(&of_tenant), Some(&after), 100).await;
        assert_eq!(behind.expect("listed"), parked, "all of them are behind it");
        for number in [1, 2] {
            let events = store.events(&reader, &key(name, number)).await.expect("listed");
            assert!(events.iter().all(|event| event.envelope.tenant == of_tenant), "{events:?}");
            assert_eq!(events.is_empty(), !numbers.contains(&number));
        }
        for number in [0, 1, 2, 3] {
            let found = ParkedKey::find(&*store, &reader, &key(name, number)).await;
            let listed = parked.iter().find(|parked| parked.key == key(name, number));
            assert_eq!(found.expect("found").as_ref(), listed);
        }
    }
    let after = key("globex", 1);
    let none = store.parked(&reader, Some(&tenant("acme")), Some(&after), 100).await;
    assert_eq!(none.expect("listed"), []);
}

/// Neither parked with it, nor resumed, nor discarded.
pub async fn what_is_done_to_a_key_of_one_tenant_leaves_that_of_another_alone<H: Harness>(
    harness: H,
) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    count_for(&store, "globex", &[1, 1]).await;
    let mut courier = Courier::start(&store).await;
    let acme = tenant("acme");
    let records = courier
        .sort(4, |event| match event.tenant == acme {
            true => Some(refused("no")),
            false => Some(AsideReason::Scheduled(Timestamp::UNIX_EPOCH)),
        })
        .await;
    courier.record(&records).await;
    let due = courier.due(10).await;
    let entries = &due.batches[0].entries;
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|entry| entry.envelope.tenant.as_str() == "globex"), "{due:?}");
    assert_eq!(courier.blocked_keys().await.len(), 1);
    courier.settle(0, Some((2, "no"))).await;
    assert_eq!(courier.parked().await.len(), 2);

    courier.resume(1).await;
    let states: Vec<_> = courier.parked().await.iter().map(|parked| parked.is_parked).collect();
    assert_eq!(states, [false, true], "that of globex waits");
    courier.command(1, DeadLetterAction::DiscardKey).await.expect("nothing is being sent");
    let left = courier.the_parked().await;
    assert_eq!((left.key, left.events), (key("globex", 1), 1));
}

/// With keys, numbers and records of their own.
pub async fn readers_set_aside_on_their_own<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1]).await;
    let mut first = Courier::of(&store, &whole("first")).await;
    let mut second = Courier::of(&store, &whole("second")).await;
    first.set_aside(3, &[("1:1", refused("no")), ("1:2", AsideReason::Behind)]).await;
    assert_eq!(second.blocked().await, []);
    assert_eq!(second.parked().await, []);
    assert_eq!(second.events(1).await, []);
    second.set_aside(3, &[("1:1", refused("no")), ("2:1", refused("no"))]).await;
    assert_eq!(first.blocked().await, [(1, 2)]);
    first.resume(1).await;
    assert_eq!(second.due(10).await, Default::default());
    assert_eq!(first.due_labels().await, labels(&[(1, "1:1"), (2, "1:2")]));
    second.resume(2).await;
    assert_eq!(second.due_labels().await, labels(&[(1, "2:1")]));
    assert_eq!(first.settle(2, None).await, [1]);
    assert_eq!(second.blocked().await, [(1, 1), (2, 1)]);
    for reader in ["first", "second"] {
        assert_eq!(store.records(reader, 10).await.expect("read").len(), 1);
    }
    assert_eq!(store.records("third", 10).await.expect("read"), []);
}

/// Which is what a worker asks about that holds some of them.
pub async fn blocked_keys_are_those_of_the_lanes_asked_about<H: Harness>(harness: H) {
    let store = harness.backend();
    let numbers: Vec<u128> = (1..=12).collect();
    count(&store, &numbers).await;
    let mut courier = Courier::of_all_lanes(&store).await;
    let records = courier.sort(12, |_| Some(refused("no"))).await;
    courier.record(&records).await;
    let all = courier.blocked_keys().await;
    assert_eq!(all.len(), 12);
    let asked = [all[0].lane, all[5].lane];
    let some = store.blocked(courier.reader(), &asked).await.expect("read");
    let expected = all.iter().filter(|blocked| asked.contains(&blocked.lane)).count();
    assert_eq!(some.len(), expected);
    assert!(some.iter().all(|blocked| asked.contains(&blocked.lane)), "{some:?}");
    assert_eq!(store.blocked(courier.reader(), &[]).await.expect("read"), []);
}
