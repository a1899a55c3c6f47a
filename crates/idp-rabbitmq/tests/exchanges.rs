//! The traps of exchanges and queues.

mod support;

use idp_application::{EventBus, PublishError, PublishFailure};
use idp_conformance::{BusHarness, Received};
use idp_rabbitmq::{RabbitBus, RabbitConfig};
use idp_testkit::Direction;
use lapin::types::AMQPValue;
use std::sync::Arc;
use std::time::Duration;
use support::letters::Writer;
use support::plain::text;
use support::queues::Queues;
use support::{deliver, soon};
use tokio::time::timeout;

#[track_caller]
fn failed(outcome: Result<(), PublishError>, accepted: usize, failure: PublishFailure) -> String {
    let error = outcome.expect_err("it cannot be taken over");
    assert_eq!((error.accepted, error.failure), (accepted, failure), "{error:?}");
    error.to_string()
}

fn number(received: &Received) -> i64 {
    received.attributes["sequence"].parse().expect("a number")
}

/// Several topics, and which of the messages goes to a bad one.
async fn send_with_one_bad(queues: &Queues, bad: &str, bad_at: usize) -> (Vec<i64>, String) {
    let topics = [queues.topic("a").await, queues.topic("b").await];
    let bus = queues.connect().await;
    let writers = topics.each_ref().map(|topic| Writer::to(topic, "bad"));
    let mut letters: Vec<_> = (0..30).map(|n| writers[n % 2].letters([n as i64 + 1])).collect();
    // Where messages have been routed before, they go out together.
    soon("the first", bus.publish(&writers[0].letters([101]))).await.expect("taken over");
    soon("the first", bus.publish(&writers[1].letters([102]))).await.expect("taken over");
    letters[bad_at][0].topic = bad.into();
    let outcome = soon("the answer", bus.publish(&letters.concat())).await;
    let why = failed(outcome, bad_at, PublishFailure::Refused);
    // The bus works on.
    soon("the last", bus.publish(&writers[0].letters([103]))).await.expect("taken over");
    let mut stored = queues.numbers(&topics[0]).await;
    stored.extend(queues.numbers(&topics[1]).await);
    stored.retain(|number| *number <= 100);
    stored.sort_unstable();
    (stored, why)
}

#[tokio::test]
async fn a_message_that_is_routed_nowhere_is_refused_and_nothing_behind_it_is_sent() {
    let queues = Queues::start().await;
    let nowhere = format!("{}/nowhere", queues.exchange);
    let (stored, why) = send_with_one_bad(&queues, &nowhere, 17).await;
    assert_eq!(stored, (1..=17).collect::<Vec<_>>());
    assert!(why.contains("NO_ROUTE"), "{why}");
}

/// As a queue is whose node is down, and one that a deployment binds anew.
#[tokio::test]
async fn a_queue_that_was_there_is_waited_for_and_refused_when_it_stays_away() {
    let queues = Queues::start().await;
    let queue = support::unique("comes-and-goes");
    let topic = format!("/{queue}");
    let unroutable_grace = Duration::from_millis(1_500);
    let config = RabbitConfig { unroutable_grace, ..queues.config() };
    let bus = soon("the bus", RabbitBus::connect(config)).await.expect("the broker is there");
    let writer = Writer::to(&topic, "away");
    failed(bus.publish(&writer.letters([1])).await, 0, PublishFailure::Refused);
    queues.plain.declare_queue(&queue, &[]).await;
    bus.publish(&writer.letters([1])).await.expect("taken over");
    queues.plain.delete_queue(&queue).await;
    let why = bus.publish(&writer.letters([2])).await;
    let why = failed(why, 0, PublishFailure::TopicUnavailable(None));
    assert!(why.contains("NO_ROUTE"), "{why}");
    // Also over another connection.
    queues.proxy.cut().await;
    queues.proxy.restore();
    let refused = async {
        loop {
            match bus.publish(&writer.letters([2])).await.expect_err("there is no queue").failure {
                PublishFailure::Refused => break,
                PublishFailure::TopicUnavailable(None) | PublishFailure::Unavailable => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let began = tokio::time::Instant::now();
    soon("the refusal", refused).await;
    assert!(began.elapsed() > Duration::from_secs(1), "it was waited for");
    queues.plain.declare_queue(&queue, &[]).await;
    bus.publish(&writer.letters([2])).await.expect("taken over");
    queues.plain.delete_queue(&queue).await;
    failed(bus.publish(&writer.letters([3])).await, 0, PublishFailure::TopicUnavailable(None));
}

#[tokio::test]
async fn a_message_to_a_missing_exchange_is_refused_and_takes_nothing_with_it() {
    let queues = Queues::start().await;
    let (stored, why) = send_with_one_bad(&queues, "idp-no-such-exchange/x", 17).await;
    assert_eq!(stored, (1..=17).collect::<Vec<_>>());
    assert!(why.contains("no such exchange"), "{why}");
}

#[tokio::test]
async fn a_message_to_an_exchange_that_may_not_be_written_to_is_refused() {
    let queues = Queues::start().await;
    let internal = support::unique("internal");
    queues.plain.declare_internal_exchange(&internal).await;
    let (stored, why) = send_with_one_bad(&queues, &internal, 17).await;
    assert_eq!(stored, (1..=17).collect::<Vec<_>>());
    assert!(why.contains("may not be written to"), "{why}");
}

/// The messages that went out with the first were taken to be good ones.
#[tokio::test]
async fn an_exchange_that_is_deleted_meanwhile_is_refused_at_its_first_message() {
    let queues = Queues::start().await;
    let (topic, doomed) = (queues.topic("good").await, Queues::start().await);
    let doomed_topic = doomed.topic("doomed").await;
    let bus = queues.connect().await;
    let (good, bad) = (Writer::to(&topic, "gone"), Writer::to(&doomed_topic, "gone"));
    bus.publish(&[good.letters([1]), bad.letters([2])].concat()).await.expect("taken over");
    doomed.plain.delete_exchange(&doomed.exchange).await;
    let letters = [good.letters(3..=12), bad.letters([13]), good.letters(14..=30)].concat();
    let outcome = soon("the answer", bus.publish(&letters)).await;
    failed(outcome, 10, PublishFailure::Refused);
    let mut stored = queues.numbers(&topic).await;
    stored.sort_unstable();
    stored.dedup();
    assert!(stored.starts_with(&[1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), "{stored:?}");
}

/// While it is emptied, it refuses one message and takes the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_unavailable_and_no_message_overtakes_one_of_its_aggregate() {
    const LAST: i64 = 300;
    let queues = Queues::start().await;
    let queue = support::unique("full");
    let bound = [("x-max-length", AMQPValue::LongInt(1)), ("x-overflow", text("reject-publish"))];
    queues.plain.declare_queue(&queue, &bound).await;
    let (writer, bus) = (Writer::to(&format!("/{queue}"), "full"), queues.connect().await);
    let series = writer.series(1..=LAST);
    let outcome = soon("the answer", bus.publish(&series)).await;
    failed(outcome, 1, PublishFailure::TopicUnavailable(None));
    let reading = tokio::spawn(async move {
        let mut numbers = Vec::new();
        while numbers.last() != Some(&LAST) {
            numbers.extend(queues.plain.drain(&queue).await.iter().map(number));
            tokio::task::yield_now().await;
        }
        numbers
    });
    let publishing = async {
        let mut next = 1;
        while let Err(error) = bus.publish(&series[next..]).await {
            assert_eq!(error.failure, PublishFailure::TopicUnavailable(None), "{error}");
            next += error.accepted;
        }
    };
    soon("the last message to be taken over", publishing).await;
    let mut stored = soon("the last message", reading).await.expect("all come");
    let mut seen = std::collections::HashSet::new();
    stored.retain(|number| seen.insert(*number));
    assert_eq!(stored, (1..=LAST).collect::<Vec<_>>());
}

/// Another queue that is not full goes on; what is counted is what stands before the first refusal.
#[tokio::test]
async fn a_nack_in_the_middle_counts_what_stands_before_it() {
    let queues = Queues::start().await;
    let good_topic = queues.topic("good").await;
    let queue = support::unique("full");
    let bound = [("x-max-length", AMQPValue::LongInt(2)), ("x-overflow", text("reject-publish"))];
    queues.plain.declare_queue(&queue, &bound).await;
    let full_topic = format!("/{queue}");
    let bus = queues.connect().await;
    let (good, full) = (Writer::to(&good_topic, "nack"), Writer::to(&full_topic, "nack"));
    let letters: Vec<_> = (1..=40)
        .flat_map(|n| if n % 10 == 0 { full.letters([n]) } else { good.letters([n]) })
        .collect();
    let outcome = soon("the answer", bus.publish(&letters)).await;
    let error = outcome.expect_err("a queue is full");
    assert_eq!(error.failure, PublishFailure::TopicUnavailable(None), "{error}");
    // A queue of two takes two, or a few more while it is asked at once.
    assert!([29, 39].contains(&error.accepted), "{error}");
    let mut stored = queues.numbers(&good_topic).await;
    stored.extend(queues.plain.drain(&queue).await.iter().map(number));
    stored.sort_unstable();
    assert!(stored.starts_with(&(1..=error.accepted as i64).collect::<Vec<_>>()), "{stored:?}");
}

/// The broker would close the whole connection over it.
#[tokio::test]
async fn attributes_that_fit_into_no_frame_are_refused_and_the_connection_lives() {
    let queues = Queues::start().await;
    let topic = queues.topic("wordy").await;
    let (writer, bus) = (Writer::to(&topic, "wordy"), queues.connect().await);
    let mut letters = writer.letters(1..=3);
    letters[1].event.metadata.insert("remark".into(), "x".repeat(200_000));
    failed(soon("the answer", bus.publish(&letters)).await, 1, PublishFailure::Refused);
    bus.publish(&letters[2..]).await.expect("taken over");
    assert_eq!(queues.numbers(&topic).await, [1, 3]);
    assert_eq!(queues.proxy.connections(), 1);
}

#[tokio::test]
async fn a_topic_without_a_key_routes_by_the_type_of_the_event() {
    let queues = Queues::start().await;
    let queue = support::unique("by-type");
    queues.plain.declare_queue(&queue, &[]).await;
    queues.plain.bind(&queue, &queues.exchange, "letter.#").await;
    let bus = queues.connect().await;
    let writer = Writer::to(&queues.exchange, "by-type");
    bus.publish(&writer.letters([1])).await.expect("taken over");
    let delivery = queues.plain.take_raw(&queue).await.expect("routed");
    assert_eq!(delivery.routing_key.as_str(), "letter.written");
}

/// What the suite does not look at.
#[tokio::test]
async fn the_properties_are_those_of_the_event_and_it_survives_the_broker() {
    let queues = Queues::start().await;
    let topic = queues.topic("properties").await;
    let (writer, bus) = (Writer::to(&topic, "properties"), queues.connect().await);
    bus.publish(&writer.letters([5])).await.expect("taken over");
    let delivery = queues.plain.take_raw(&Queues::queue(&topic)).await.expect("stored");
    let properties = &delivery.properties;
    let shown = |text: &Option<lapin::types::ShortString>| text.as_ref().map(ToString::to_string);
    assert_eq!(*properties.delivery_mode(), Some(2));
    let id = "00000000-0000-0000-0000-000000000005";
    assert_eq!(shown(properties.message_id()).as_deref(), Some(id));
    assert_eq!(shown(properties.kind()).as_deref(), Some("letter.written"));
    assert_eq!(shown(properties.content_type()).as_deref(), Some("application/json"));
    assert_eq!(*properties.timestamp(), Some(1_700_000_000));
}

/// A broker that accepts connections and never answers.
#[tokio::test]
async fn a_silent_broker_is_unavailable_in_time_and_is_used_again_when_it_speaks() {
    let queues = Queues::start().await;
    let topic = queues.topic("silent").await;
    let config = RabbitConfig {
        connect_timeout: Duration::from_millis(300),
        confirm_timeout: Duration::from_millis(300),
        ..queues.config()
    };
    let bus = soon("the bus", RabbitBus::connect(config)).await.expect("the broker is there");
    let writer = Writer::to(&topic, "silent");
    bus.publish(&writer.letters([1])).await.expect("taken over");
    queues.proxy.stall();
    for _ in 0..3 {
        let outcome = soon("the answer", bus.publish(&writer.letters([2]))).await;
        failed(outcome, 0, PublishFailure::Unavailable);
    }
    queues.proxy.restore();
    deliver(&bus, &writer.letters([2])).await;
    let mut stored = queues.numbers(&topic).await;
    stored.dedup();
    assert_eq!(stored, [1, 2]);
}

/// The relay cuts a send short when its time is over, again and again.
#[tokio::test]
async fn calls_that_are_cut_short_by_a_silent_broker_do_not_keep_the_bus_from_recovering() {
    let queues = Queues::start().await;
    let topic = queues.topic("cut").await;
    let (writer, bus) = (Writer::to(&topic, "cut"), Arc::new(queues.connect().await));
    bus.publish(&writer.letters([1])).await.expect("taken over");
    queues.proxy.stall();
    for _ in 0..5 {
        let letters = writer.letters(2..=50);
        let short = timeout(Duration::from_millis(50), bus.publish(&letters)).await;
        assert!(short.is_err(), "nothing passes, so nothing is answered");
    }
    // The connections that lead nowhere are given up, not waited for.
    queues.proxy.cut().await;
    queues.proxy.restore();
    let letters = writer.letters(2..=60);
    deliver(&*bus, &letters).await;
    let mut stored = queues.numbers(&topic).await;
    let mut seen = std::collections::HashSet::new();
    stored.retain(|number| seen.insert(*number));
    assert_eq!(stored.len(), 60);
}

/// The relay cuts each call short long before a channel is open and the first message confirmed.
#[tokio::test]
async fn an_opening_that_takes_longer_than_the_patience_of_calls_comes_to_its_end() {
    let queues = Queues::start().await;
    let topic = queues.topic("far").await;
    let bus = queues.connect().await;
    let writer = Writer::to(&topic, "far");
    bus.publish(&writer.letters([1])).await.expect("taken over");
    queues.proxy.cut().await;
    queues.proxy.restore();
    // To connect takes three round trips, to open a channel two, to publish one.
    queues.proxy.set_delay(Duration::from_millis(200));
    let delivered = async { while !patiently(&bus, &writer, Duration::from_millis(700)).await {} };
    soon("a call that finds an open channel", delivered).await;
}

/// A call that is cut short behind some of its confirmations says nothing bad about the connection: it is
/// not made anew, over and over.
#[tokio::test]
async fn calls_that_are_cut_short_behind_their_first_confirmation_keep_their_connection() {
    let queues = Queues::start().await;
    let topic = queues.topic("far").await;
    let bus = queues.connect().await;
    queues.proxy.cut().await;
    queues.proxy.restore();
    queues.proxy.set_delay(Duration::from_millis(100));
    // The first shows the way, the others go out together.
    let letters = Writer::to(&topic, "far").letters(1..=10);
    let delivered = async {
        let patience = Duration::from_millis(380);
        while !timeout(patience, bus.publish(&letters)).await.is_ok_and(|sent| sent.is_ok()) {
            // A connection that is lost is told at once.
            tokio::task::yield_now().await;
        }
    };
    soon("a call that finds an open channel and a known way", delivered).await;
}

/// Publishes the second letter, but not for longer than that: whether it was taken over in time.
async fn patiently(bus: &RabbitBus, writer: &Writer, patience: Duration) -> bool {
    let letters = writer.letters([2]);
    match timeout(patience, bus.publish(&letters)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            assert_eq!(
                (error.accepted, error.failure),
                (0, PublishFailure::Unavailable),
                "{error}"
            );
            // The connection that was cut is told at once.
            tokio::task::yield_now().await;
            false
        }
        Err(_) => false,
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_in_the_middle_counts_only_what_was_confirmed() {
    let queues = Queues::start().await;
    let topic = queues.topic("lost").await;
    let (writer, bus) = (Writer::to(&topic, "lost"), queues.connect().await);
    bus.publish(&writer.letters([1])).await.expect("taken over");
    // One confirmation, which may be of all messages, has 21 bytes.
    for (way, bytes) in [(Direction::ToServer, 30_000), (Direction::ToClient, 20)] {
        queues.proxy.cut_after(way, bytes);
        let letters = writer.letters(2..=200);
        let outcome = soon("the answer", bus.publish(&letters)).await;
        let error = outcome.expect_err("the connection is gone");
        assert_eq!(error.failure, PublishFailure::Unavailable);
        let stored = queues.numbers(&topic).await;
        for number in 2..2 + error.accepted as i64 {
            assert!(stored.contains(&number), "{number} is counted, but not stored");
        }
        queues.proxy.restore();
        deliver(&bus, &writer.letters([1])).await;
    }
}

#[tokio::test]
async fn the_next_node_is_used_when_the_first_does_not_answer() {
    let queues = Queues::start().await;
    let topic = queues.topic("nodes").await;
    let mut config = queues.config();
    config.uris.insert(0, "amqp://guest:guest@127.0.0.1:1".to_owned());
    let bus = soon("the bus", RabbitBus::connect(config)).await.expect("one of two is there");
    bus.publish(&Writer::to(&topic, "nodes").letters([1])).await.expect("taken over");
    assert_eq!(queues.numbers(&topic).await, [1]);
}

#[tokio::test]
async fn a_wrong_password_and_a_broker_that_is_not_there_are_unavailable() {
    let uri = support::broker_uri().replace("guest:guest", "guest:hunter2");
    for uri in [uri, "amqp://guest:hunter2@127.0.0.1:1".to_owned()] {
        let error = soon("the bus", RabbitBus::connect(RabbitConfig::at(uri))).await;
        let error = error.expect_err("nobody gets in");
        assert_eq!(error.kind(), idp_application::ErrorKind::Unavailable);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn the_bus_names_its_kind_of_broker_for_metrics_and_traces() {
    assert_eq!(Queues::start().await.connect().await.system(), "rabbitmq");
}
