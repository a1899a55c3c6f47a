//! What a broker that drops duplicates does, and that the bus never loses a message to it.

mod support;

use idp_application::{Duplicates, ErrorKind, EventBus, PublishFailure};
use idp_pulsar::{Deduplication, PulsarConfig};
use std::sync::{Arc, Mutex};
use support::bare::{Bare, KNOWN, SEND, SHARED, take_frame};
use support::harness::PulsarHarness;
use support::reader::{numbers, stored};
use support::{Sender, bounded, broker};

async fn topic(harness: &PulsarHarness) -> String {
    harness.admin().topic(harness.namespace(), "orders", 0).await
}

/// The trap, by a bare client: the message is gone, and the receipt is one of success.
#[tokio::test]
async fn a_number_behind_a_higher_one_is_dropped_without_an_error() {
    bounded(async {
        let topic = topic(&PulsarHarness::start(0).await).await;
        let mut bare = Bare::connect(&broker()).await;
        assert_eq!(bare.produce(&topic, "shop/orders/0", SHARED, None).await, Ok(-1));
        assert_ne!(bare.send("shop/orders/0", 5, b"five").await, KNOWN);
        assert_eq!(bare.send("shop/orders/0", 3, b"three").await, KNOWN);
        assert_eq!(numbers(&topic).await, [5]);
    })
    .await;
}

/// The trap of clients that count from 0 with each start, and that ours does not.
#[tokio::test]
async fn a_restart_under_the_same_name_drops_no_new_message() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let sender = Sender::of_lane(&topic, 0);
        let bus = harness.connect(harness.config()).await;
        bus.publish(&sender.messages(1..=5)).await.expect("stored");
        drop(bus);
        let bus = harness.connect(harness.config()).await;
        bus.publish(&sender.messages(6..=8)).await.expect("stored");
        drop(bus);
        let mut counting = Bare::connect(&broker()).await;
        let last = loop {
            if let Ok(last) = counting.produce(&topic, "shop/orders/0", SHARED, None).await {
                break last;
            }
        };
        assert_eq!(last, 8, "the name of the producer is that of service and stream");
        assert_eq!(counting.send("shop/orders/0", 0, b"new").await, KNOWN, "lost");
        drop(counting);
        let bus = harness.connect(harness.config()).await;
        bus.publish(&sender.messages(9..=10)).await.expect("stored");
        assert_eq!(numbers(&topic).await, (1..=10).collect::<Vec<_>>());
    })
    .await;
}

/// On the wire, with everything that makes it send again: the same numbers, a topic that moves, calls
/// that are dropped.
#[tokio::test]
async fn no_number_is_sent_for_the_first_time_behind_a_higher_one() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let seeing = seen.clone();
        harness.proxy.tamper(move |bytes| seeing.lock().expect("not poisoned").extend(&*bytes));
        let (sender, bus) = (Sender::of_lane(&topic, 0), harness.connect(harness.config()).await);
        for sequences in [1..=20, 11..=40, 5..=60] {
            bus.publish(&sender.messages(sequences)).await.expect("stored");
        }
        harness.admin().unload(&topic).await;
        for polls in 1..20 {
            let messages = sender.messages(61..=61 + 10 * polls);
            let mut sending = bus.publish(&messages);
            for _ in 0..polls {
                let once = std::future::poll_fn(|context| {
                    std::task::Poll::Ready(sending.as_mut().poll(context).is_ready())
                });
                if once.await {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        bus.publish(&sender.messages(1..=300)).await.expect("stored");
        assert_eq!(numbers(&topic).await, (1..=300).collect::<Vec<_>>());
        let sent = sent_numbers(&mut seen.lock().expect("not poisoned"));
        assert!(sent.len() > 400, "much was sent again: {}", sent.len());
        let mut highest = 0;
        for (at, (_, sequence)) in sent.iter().enumerate() {
            let is_new = !sent[..at].iter().any(|(_, before)| before == sequence);
            assert!(!is_new || *sequence > highest, "{sequence} behind {highest}");
            highest = highest.max(*sequence);
        }
    })
    .await;
}

/// Producer and number of every message that was sent.
fn sent_numbers(bytes: &mut Vec<u8>) -> Vec<(u64, u64)> {
    let frames = std::iter::from_fn(|| take_frame(bytes)).filter(|frame| frame.kind == SEND);
    let number = |value: Option<u64>| value.expect("a number");
    frames.map(|frame| (number(frame.command.number(1)), number(frame.command.number(2)))).collect()
}

#[tokio::test]
async fn a_call_whose_numbers_do_not_rise_sends_nothing() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let (sender, bus) = (Sender::of_lane(&topic, 0), harness.connect(harness.config()).await);
        for sequences in [vec![1, 3, 2], vec![4, 4], vec![0], vec![-1]] {
            let error = bus.publish(&sender.messages(sequences)).await.expect_err("no order");
            assert_eq!((error.accepted, error.failure), (0, PublishFailure::Unavailable));
            assert_eq!(error.error.kind(), ErrorKind::Invalid);
        }
        assert!(stored(&topic).await.is_empty());
    })
    .await;
}

/// At most the first message is stored before it is found out; without the requirement, all are.
#[tokio::test]
async fn a_topic_that_keeps_duplicates_is_found_out() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let policy = format!("namespaces/{}/deduplication", harness.namespace());
        harness.admin().done("POST", &policy, "false").await;
        let topic = topic(&harness).await;
        let (sender, bus) = (Sender::of_lane(&topic, 0), harness.connect(harness.config()).await);
        let memory = harness.config().producer_memory;
        assert_eq!(bus.guarantees().duplicates, Duplicates::NeverWithin(memory));
        let error = bus.publish(&sender.messages(1..=5)).await.expect_err("it keeps duplicates");
        assert_eq!((error.accepted, error.failure), (1, PublishFailure::Unavailable));
        assert_eq!(error.error.kind(), ErrorKind::Unsupported);
        assert!(error.error.message().contains("brokerDeduplicationEnabled"), "{error}");
        for lane in 0..3 {
            let again = Sender::of_lane(&topic, lane).messages(2..=5);
            let error = bus.publish(&again).await.expect_err("it keeps duplicates");
            assert_eq!(error.accepted, 0);
        }
        assert_eq!(numbers(&topic).await, [1]);

        let config = PulsarConfig { deduplication: Deduplication::Off, ..harness.config() };
        let careless = harness.connect(config).await;
        assert_eq!(careless.guarantees().duplicates, Duplicates::Possible);
        for _ in 0..2 {
            careless.publish(&sender.messages(2..=3)).await.expect("stored");
        }
        assert_eq!(numbers(&topic).await, [1, 2, 3, 2, 3]);

        harness.admin().done("POST", &policy, "true").await;
        // The policy takes effect in a moment.
        for lane in 4.. {
            let bus = harness.connect(harness.config()).await;
            if bus.publish(&Sender::of_lane(&topic, lane).messages(6..=9)).await.is_ok() {
                break;
            }
        }
    })
    .await;
}

/// Their producers are closed and opened again in between, and know their numbers.
#[tokio::test]
async fn more_topics_than_a_stream_has_producers_store_each_event_once() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let mut topics = Vec::new();
        for number in 0..205 {
            let name = format!("many-{number}");
            topics.push(harness.admin().topic(harness.namespace(), &name, 0).await);
        }
        let bus = harness.connect(harness.config()).await;
        for first in [1_i64, 1_001] {
            let letters = topics.iter().zip(first..);
            let letters =
                letters.map(|(topic, number)| Sender::of_lane(topic, 0).message(1, number));
            let letters: Vec<_> = letters.collect();
            bus.publish(&letters).await.expect("stored");
            bus.publish(&letters).await.expect("known");
        }
        for (topic, number) in [(0, 1), (1, 2), (204, 205)] {
            assert_eq!(numbers(&topics[topic]).await, [number, number + 1_000]);
        }
    })
    .await;
}
