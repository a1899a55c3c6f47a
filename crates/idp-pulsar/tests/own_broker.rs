//! What a broker remembers of a producer's numbers, through its crash and for how long.

mod support;

use idp_application::{EventBus, PublishFailure};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use support::own_broker::OwnBroker;
use support::reader::stored_at;
use support::{Sender, bounded};
use tokio::time::{Instant, sleep, timeout};

/// How long anything may take that a test waits for, but for the memory of a broker.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a name stays connected without messages, where it is to go.
const SHORT: Duration = Duration::from_millis(100);
/// The same where it is to stay.
const LONG: Duration = Duration::from_secs(3_600);

/// The numbers that the topic holds, by the name of their producer.
async fn numbers(broker: &OwnBroker, topic: &str) -> BTreeMap<String, Vec<u64>> {
    let mut numbers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let stored = timeout(PATIENCE, stored_at(&broker.address(), topic)).await;
    for stored in stored.expect("the broker answers") {
        numbers.entry(stored.producer).or_default().push(stored.sequence);
    }
    numbers
}

/// Asks until there is an answer.
async fn until<T>(what: &str, patience: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let answer = timeout(patience, asking).await;
    answer.unwrap_or_else(|_| panic!("not within {patience:?}: {what}"))
}

/// Publishes until all is taken over: the broker may still be opening the topic.
async fn deliver(bus: &dyn EventBus, sender: &Sender, last: i64) {
    let messages = sender.messages(1..=last);
    until("all is taken over", PATIENCE, async || bus.publish(&messages).await.ok()).await;
}

/// Of lane 1 the broker knows from what it had written down; of lane 0 from what was stored behind that.
#[tokio::test]
async fn what_was_sent_before_a_crash_of_the_broker_and_is_sent_again_is_stored_once() {
    const INTERVAL: i64 = 1_000;
    let mut broker = OwnBroker::start(&[
        ("brokerDeduplicationEntriesInterval", "1000"),
        ("brokerDeduplicationSnapshotFrequencyInSeconds", "0"),
    ])
    .await;
    let topic = broker.topic().await;
    let bus = broker.bus(SHORT).await;
    let (sender, early) = (Sender::of_lane(&topic, 0), Sender::of_lane(&topic, 1));
    deliver(&bus, &early, 3).await;
    deliver(&bus, &sender, INTERVAL + 500).await;
    let noted = until("something is noted", PATIENCE, async || {
        let noted = broker.admin().noted(&topic).await;
        (!noted.numbers.is_empty()).then_some(noted)
    })
    .await;
    let expected = [("shop/orders/0".to_owned(), 997), ("shop/orders/1".to_owned(), 3)];
    assert_eq!((noted.numbers, noted.is_all), (expected.into(), false));

    let sent = AtomicI64::new(INTERVAL + 500);
    let publishing = async {
        loop {
            // In the end the same ones again and again: nothing more is to be noted.
            let first = (sent.load(Ordering::SeqCst) + 1).min(2 * INTERVAL - 100);
            match bus.publish(&sender.messages(first..first + 50)).await {
                Ok(()) => sent.store(first + 49, Ordering::SeqCst),
                Err(error) => break error,
            }
        }
    };
    let killing = async {
        let is_sent = async || (sent.load(Ordering::SeqCst) > INTERVAL + 600).then_some(());
        until("more is sent", PATIENCE, is_sent).await;
        broker.kill();
    };
    let both = timeout(2 * PATIENCE, async { tokio::join!(publishing, killing) }).await;
    let (error, ()) = both.expect("the bus notices that the broker is dead");
    assert_eq!(error.failure, PublishFailure::Unavailable, "{error}");
    broker.restart().await;
    deliver(&bus, &sender, 2 * INTERVAL).await;
    deliver(&bus, &early, 4).await;
    let expected = BTreeMap::from([
        ("shop/orders/0".to_owned(), (1..=2 * INTERVAL.unsigned_abs()).collect()),
        ("shop/orders/1".to_owned(), vec![1, 2, 3, 4]),
    ]);
    assert!(numbers(&broker, &topic).await == expected, "not each once, in order");
}

/// Of more names than it keeps, a broker knows until it loads the topic anew.
#[tokio::test]
async fn names_beyond_those_that_the_broker_keeps_are_forgotten_when_the_topic_is_loaded_anew() {
    const KEPT: usize = 2;
    let broker = OwnBroker::start(&[
        ("brokerDeduplicationMaxNumberOfProducers", "2"),
        ("brokerDeduplicationSnapshotFrequencyInSeconds", "1"),
        ("brokerDeduplicationSnapshotIntervalSeconds", "1"),
    ])
    .await;
    let topic = broker.topic().await;
    let bus = broker.bus(SHORT).await;
    let senders = [0, 1, 2, 3].map(|lane| Sender::of_lane(&topic, lane));
    for _ in 0..2 {
        for sender in &senders {
            deliver(&bus, sender, 3).await;
        }
    }
    let stored = numbers(&broker, &topic).await;
    assert!(stored.values().all(|numbers| *numbers == [1, 2, 3]), "{stored:?}");
    assert_eq!(stored.len(), 4);
    let noted = until("all is noted", PATIENCE, async || {
        let noted = broker.admin().noted(&topic).await;
        noted.is_all.then_some(noted.numbers)
    })
    .await;
    assert_eq!(noted.len(), KEPT, "{noted:?}");
    bounded(broker.admin().unload(&topic)).await;
    for sender in &senders {
        deliver(&bus, sender, 3).await;
    }
    for (name, numbers) in numbers(&broker, &topic).await {
        let (once, twice) = (vec![1, 2, 3], vec![1, 2, 3, 1, 2, 3]);
        assert_eq!(numbers, if noted.contains_key(&name) { once } else { twice }, "{name}");
    }
}

#[tokio::test]
#[ignore = "two minutes, since the broker counts in minutes; README.md has the command"]
async fn a_name_is_forgotten_its_time_after_it_has_gone_and_one_that_is_connected_is_not() {
    const MEMORY: Duration = Duration::from_secs(60);
    let broker = OwnBroker::start(&[
        ("brokerDeduplicationProducerInactivityTimeoutMinutes", "1"),
        ("brokerDeduplicationSnapshotFrequencyInSeconds", "1"),
        ("brokerDeduplicationSnapshotIntervalSeconds", "1"),
    ])
    .await;
    let topic = broker.topic().await;
    let (staying, leaving) = (broker.bus(LONG).await, broker.bus(SHORT).await);
    let (stayed, left) = (Sender::of_lane(&topic, 0), Sender::of_lane(&topic, 1));
    deliver(&staying, &stayed, 3).await;
    deliver(&leaving, &left, 3).await;
    let begun = Instant::now();
    let names = async || broker.admin().noted(&topic).await.numbers.into_keys();
    until("both are noted", PATIENCE, async || (names().await.len() == 2).then_some(())).await;
    let kept = until("one is forgotten", MEMORY + PATIENCE, async || {
        let names = names().await;
        (names.len() < 2).then(|| names.collect::<Vec<_>>())
    })
    .await;
    assert_eq!(kept, ["shop/orders/0"]);
    assert!(begun.elapsed() >= MEMORY, "it is forgotten after {:?}", begun.elapsed());

    deliver(&staying, &stayed, 3).await;
    deliver(&leaving, &left, 3).await;
    let expected = BTreeMap::from([
        ("shop/orders/0".to_owned(), vec![1, 2, 3]),
        ("shop/orders/1".to_owned(), vec![1, 2, 3, 1, 2, 3]),
    ]);
    assert_eq!(numbers(&broker, &topic).await, expected);
}
