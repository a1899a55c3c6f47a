//! What a broker that drops duplicates does, and that the bus never loses a message to it.

mod support;

use idp_application::{Duplicates, ErrorKind, EventBus, PublishFailure};
use idp_pulsar::{Deduplication, PulsarConfig};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::bare::{Bare, CLOSE_PRODUCER, Frame, KNOWN, PRODUCER, SEND, SHARED, take_frame};
use support::harness::PulsarHarness;
use support::proxy::Proxy;
use support::reader::{numbers, stored};
use support::{PATIENCE, Sender, bounded, broker};
use tokio::time::timeout;

/// How long a test of hundreds of topics may take, on a machine with much else to do.
const MANY_TOPICS_TIME_MAX: Duration = Duration::from_secs(300);

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
        let seen = Seen::by(&harness.proxy);
        let (sender, bus) = (Sender::of_lane(&topic, 0), harness.connect(harness.config()).await);
        for sequences in [1..=20, 11..=40, 5..=60] {
            bus.publish(&sender.messages(sequences)).await.expect("stored");
        }
        harness.admin().unload(&topic).await;
        let before = seen.numbers();
        let dropping = async {
            for polls in (1..20).cycle() {
                drop_after(polls, bus.publish(&sender.messages(61..=61 + 10 * polls))).await;
                if calls_since(&before, &seen.numbers()) > DROPPED_CALLS {
                    break;
                }
            }
        };
        timeout(PATIENCE / 2, dropping).await.expect("calls that are dropped have sent something");
        bus.publish(&sender.messages(1..=300)).await.expect("stored");
        assert_eq!(numbers(&topic).await, (1..=300).collect::<Vec<_>>());
        let sent = seen.numbers();
        let mut highest = 0;
        for (at, sequence) in sent.iter().enumerate() {
            let is_new = !sent[..at].contains(sequence);
            assert!(!is_new || *sequence > highest, "{sequence} behind {highest}");
            highest = highest.max(*sequence);
        }
    })
    .await;
}

/// Of as many calls that were dropped must messages have been sent.
const DROPPED_CALLS: usize = 20;

/// In how many calls messages were sent since then: each begins with the lowest number anew.
fn calls_since(before: &[u64], sent: &[u64]) -> usize {
    sent[before.len()..].iter().filter(|sequence| **sequence == 61).count()
}

/// Drops a call after it was polled so often, if it has not ended before.
async fn drop_after(polls: i64, call: impl Future) {
    let mut call = std::pin::pin!(call);
    for _ in 0..polls {
        let once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(call.as_mut().poll(context).is_ready())
        });
        let has_ended = once.await;
        tokio::task::yield_now().await;
        if has_ended {
            return;
        }
    }
}

/// The commands that went to the broker.
struct Seen(Arc<Mutex<Vec<Frame>>>);

impl Seen {
    fn by(proxy: &Proxy) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (seeing, mut bytes) = (seen.clone(), Vec::new());
        proxy.tamper(move |more| {
            bytes.extend(&*more);
            let frames = std::iter::from_fn(|| take_frame(&mut bytes));
            seeing.lock().expect("not poisoned").extend(frames);
        });
        Self(seen)
    }

    /// How many commands of that kind.
    fn count(&self, kind: u64) -> usize {
        let frames = self.0.lock().expect("not poisoned");
        frames.iter().filter(|frame| frame.kind == kind).count()
    }

    /// The number of every message that was sent.
    fn numbers(&self) -> Vec<u64> {
        let frames = self.0.lock().expect("not poisoned");
        let sent = frames.iter().filter(|frame| frame.kind == SEND);
        sent.map(|frame| frame.command.number(2).expect("a number")).collect()
    }
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
    let test = async {
        let harness = PulsarHarness::start(0).await;
        let seen = Seen::by(&harness.proxy);
        // None is left without need.
        let config = PulsarConfig { idle_timeout: MANY_TOPICS_TIME_MAX, ..harness.config() };
        let bus = harness.connect(config).await;
        let mut topics: Vec<String> = Vec::new();
        let letter = |topic: &str, number| Sender::of_lane(topic, 0).message(1, number);
        let open = || seen.count(PRODUCER) - seen.count(CLOSE_PRODUCER);
        let mut most = 0;
        while topics.len() < most + 5 {
            let name = format!("many-{}", topics.len());
            let topic = harness.admin().topic(harness.namespace(), &name, 0).await;
            topics.push(topic.clone());
            bus.publish(&[letter(&topic, topics.len() as i64)]).await.expect("stored");
            most = most.max(open());
        }
        assert_eq!(open(), most, "so many, and the last ones took the place of others");
        let letters = |first: i64| -> Vec<_> {
            topics.iter().zip(first..).map(|(topic, number)| letter(topic, number)).collect()
        };
        bus.publish(&letters(1)).await.expect("known");
        bus.publish(&letters(1_001)).await.expect("stored");
        bus.publish(&letters(1_001)).await.expect("known");
        for (topic, number) in topics.iter().zip(1..) {
            assert_eq!(numbers(topic).await, [number, number + 1_000], "{topic}");
        }
    };
    timeout(MANY_TOPICS_TIME_MAX, test).await.expect("the test ends in time");
}
