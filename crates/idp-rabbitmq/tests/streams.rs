//! The traps of streams.

mod support;

use idp_application::{Duplicates, EventBus, PublishError, PublishFailure};
use idp_conformance::BusHarness;
use idp_rabbitmq::{RabbitStreamBus, RabbitStreamConfig};
use idp_testkit::Direction;
use std::time::Duration;
use support::letters::Writer;
use support::streams::Streams;
use support::{deliver, soon};

#[track_caller]
fn failed(outcome: Result<(), PublishError>, accepted: usize, failure: PublishFailure) -> String {
    let error = outcome.expect_err("it cannot be taken over");
    assert_eq!((error.accepted, error.failure), (accepted, failure), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn a_restart_under_the_same_name_stores_what_is_new_and_nothing_twice() {
    let streams = Streams::start().await;
    let topic = streams.topic("restart").await;
    let writer = Writer::to(&topic, "restart");
    for last in [3, 10, 11, 400] {
        // Another process, which sends everything again and something new.
        let bus = streams.connect().await;
        assert_eq!(bus.guarantees().duplicates, Duplicates::Never);
        bus.publish(&writer.letters(1..=last)).await.expect("taken over");
        assert_eq!(streams.numbers(&topic).await, (1..=last).collect::<Vec<_>>());
    }
}

/// Two databases, whose targets have the same name, and whose numbers both begin at 1.
#[tokio::test]
async fn two_services_with_targets_of_one_name_do_not_drop_each_others_messages() {
    let streams = Streams::start().await;
    let topic = streams.topic("shared").await;
    let writer = Writer::to(&topic, "bus");
    for prefix in ["shop", "billing"] {
        let config = RabbitStreamConfig { prefix: prefix.into(), ..streams.config() };
        let bus = soon("the bus", RabbitStreamBus::connect(config)).await.expect("it is there");
        bus.publish(&writer.letters(1..=5)).await.expect("taken over");
    }
    assert_eq!(streams.numbers(&topic).await, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn each_topic_of_a_stream_remembers_its_own_numbers() {
    let streams = Streams::start().await;
    let topics = [streams.topic("a").await, streams.topic("b").await];
    let writers = topics.each_ref().map(|topic| Writer::to(topic, "topics"));
    let bus = streams.connect().await;
    let letters: Vec<_> = (1..=40).flat_map(|n| writers[n as usize % 2].letters([n])).collect();
    bus.publish(&letters).await.expect("taken over");
    // The number that one topic has passed is new to the other.
    bus.publish(&writers[0].letters([50])).await.expect("taken over");
    bus.publish(&writers[1].letters([45])).await.expect("taken over");
    let even = (2..=40).step_by(2).chain([50]);
    let odd = (1..=39).step_by(2).chain([45]);
    assert_eq!(streams.numbers(&topics[0]).await, even.collect::<Vec<i64>>());
    assert_eq!(streams.numbers(&topics[1]).await, odd.collect::<Vec<i64>>());
}

/// A round takes one way for each aggregate, so what stands behind goes out when it is confirmed.
#[tokio::test]
async fn an_aggregate_that_changes_its_topic_keeps_its_order_in_each() {
    let streams = Streams::start().await;
    let topics = [streams.topic("a").await, streams.topic("b").await];
    let writers = topics.each_ref().map(|topic| Writer::to(topic, "changes"));
    let bus = streams.connect().await;
    let letters: Vec<_> = (1..=20).flat_map(|n| writers[n as usize % 2].series([n])).collect();
    let before = streams.proxy.round_trips();
    bus.publish(&letters).await.expect("taken over");
    assert!(streams.proxy.round_trips() - before >= 20, "each waits for the one before it");
    assert_eq!(streams.numbers(&topics[1]).await, (1..=19).step_by(2).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_message_to_a_missing_stream_is_refused_and_nothing_behind_it_is_sent() {
    let streams = Streams::start().await;
    let topic = streams.topic("good").await;
    let missing = streams.missing_topic().expect("there is none of that name");
    let (good, bad) = (Writer::to(&topic, "missing"), Writer::to(&missing, "missing"));
    let bus = streams.connect().await;
    let letters = [good.letters(1..=10), bad.letters([11]), good.letters(12..=20)].concat();
    let why = failed(bus.publish(&letters).await, 10, PublishFailure::Refused);
    assert!(why.contains("no such stream"), "{why}");
    assert_eq!(streams.numbers(&topic).await, (1..=10).collect::<Vec<_>>());
    bus.publish(&letters[11..]).await.expect("taken over");
    let expected: Vec<_> = (1..=10).chain(12..=20).collect();
    assert_eq!(streams.numbers(&topic).await, expected);
}

#[tokio::test]
async fn a_stream_that_is_deleted_and_made_again_is_noticed() {
    let streams = Streams::start().await;
    let topic = streams.topic("deleted").await;
    let (writer, bus) = (Writer::to(&topic, "deleted"), streams.connect().await);
    bus.publish(&writer.letters(1..=5)).await.expect("taken over");
    streams.plain.delete_queue(&topic).await;
    // The broker says so in its own time; until then the producer may seem to be there.
    let refused = async {
        loop {
            let error = bus.publish(&writer.letters([6])).await.expect_err("there is no stream");
            assert_eq!(error.accepted, 0);
            if error.failure == PublishFailure::Refused {
                break;
            }
            // It says nothing about other streams.
            assert_eq!(error.failure, PublishFailure::TopicUnavailable(None), "{error}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("the refusal", refused).await;
    streams.plain.declare_stream(&topic).await;
    deliver(&bus, &writer.letters(6..=7)).await;
    assert_eq!(streams.numbers(&topic).await, [6, 7]);
}

/// A worker that lost its lease sends what the next owner has sent, and less.
#[tokio::test]
async fn what_a_zombie_sends_late_adds_nothing_and_disturbs_nothing() {
    let streams = Streams::start().await;
    let topic = streams.topic("zombie").await;
    let (old, mut new) = (streams.connect().await, Writer::to(&topic, "zombie"));
    let zombie = new.clone();
    new.epoch = 2;
    old.publish(&zombie.letters(1..=10)).await.expect("taken over");
    let owner = streams.connect().await;
    assert!(!owner.guarantees().fences_zombies);
    owner.publish(&new.letters(1..=20)).await.expect("taken over");
    // It is told that all is well, and nothing is stored.
    old.publish(&zombie.letters(5..=15)).await.expect("dropped");
    // Both at once, over the same numbers: each number is stored once, in order.
    for first in (21..=200).step_by(20) {
        let (a, b) = (new.letters(first..first + 20), zombie.letters(first..first + 20));
        let (a, b) = tokio::join!(owner.publish(&a), old.publish(&b));
        a.and(b).expect("taken over");
    }
    assert_eq!(streams.numbers(&topic).await, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cut_in_the_middle_of_a_frame_stores_each_message_once() {
    let streams = Streams::start().await;
    let topic = streams.topic("cut").await;
    let (writer, bus) = (Writer::to(&topic, "cut"), streams.connect().await);
    bus.publish(&writer.letters([1])).await.expect("taken over");
    let mut next = 2;
    for (way, bytes) in
        [(Direction::ToServer, 50_000), (Direction::ToClient, 30), (Direction::ToServer, 1)]
    {
        streams.proxy.cut_after(way, bytes);
        let letters = writer.letters(next..next + 300);
        let error = soon("the answer", bus.publish(&letters)).await.expect_err("it is cut");
        assert_eq!(error.failure, PublishFailure::Unavailable);
        let stored = streams.numbers(&topic).await;
        assert!(stored.len() as i64 >= next - 1 + error.accepted as i64, "{error}");
        streams.proxy.restore();
        soon("the rest", bus.publish(&letters[error.accepted..])).await.expect("taken over");
        next += 300;
    }
    assert_eq!(streams.numbers(&topic).await, (1..next).collect::<Vec<_>>());
}

#[tokio::test]
async fn calls_that_are_dropped_lose_nothing_and_double_nothing() {
    let streams = Streams::start().await;
    let topic = streams.topic("dropped").await;
    let (writer, bus) = (Writer::to(&topic, "dropped"), streams.connect().await);
    bus.publish(&writer.letters([1])).await.expect("taken over");
    for _ in 0..3 {
        streams.proxy.stall();
        let letters = writer.letters(2..=500);
        let short = tokio::time::timeout(Duration::from_millis(50), bus.publish(&letters)).await;
        assert!(short.is_err(), "nothing passes, so nothing is answered");
        streams.proxy.restore();
        let again = writer.letters(2..=100);
        soon("the next call", bus.publish(&again)).await.expect("taken over");
    }
    let stored = streams.numbers(&topic).await;
    assert_eq!(stored, (1..=stored.len() as i64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_silent_broker_is_unavailable_in_time() {
    let streams = Streams::start().await;
    let topic = streams.topic("silent").await;
    let config = RabbitStreamConfig {
        connect_timeout: Duration::from_millis(300),
        confirm_timeout: Duration::from_millis(300),
        ..streams.config()
    };
    let bus = soon("the bus", RabbitStreamBus::connect(config)).await.expect("it is there");
    let writer = Writer::to(&topic, "silent");
    bus.publish(&writer.letters([1])).await.expect("taken over");
    streams.proxy.stall();
    for _ in 0..3 {
        let outcome = soon("the answer", bus.publish(&writer.letters([2]))).await;
        failed(outcome, 0, PublishFailure::Unavailable);
    }
    streams.proxy.restore();
    soon("the broker", bus.publish(&writer.letters(2..=3))).await.expect("taken over");
    assert_eq!(streams.numbers(&topic).await, [1, 2, 3]);
}

#[tokio::test]
async fn more_topics_than_a_connection_has_producers_are_served() {
    let streams = Streams::start().await;
    let bus = streams.connect().await;
    let mut topics = Vec::new();
    for number in 0..210 {
        topics.push(streams.topic(&format!("many-{number}")).await);
    }
    for round in [0, 1] {
        let letters = topics.iter().zip(1..).flat_map(|(topic, number)| {
            Writer::to(topic, "many").letters([number + 1_000 * round])
        });
        let letters: Vec<_> = letters.collect();
        tokio::time::timeout(Duration::from_secs(60), bus.publish(&letters))
            .await
            .expect("in time")
            .expect("taken over");
    }
    assert_eq!(streams.numbers(&topics[0]).await, [1, 1_001]);
    assert_eq!(streams.numbers(&topics[209]).await, [210, 1_210]);
    assert_eq!(streams.proxy.connections(), 1);
}

#[tokio::test]
async fn numbers_that_do_not_rise_are_refused_before_the_broker_drops_them() {
    let streams = Streams::start().await;
    let topic = streams.topic("rising").await;
    let (writer, bus) = (Writer::to(&topic, "rising"), streams.connect().await);
    failed(bus.publish(&writer.letters([1, 2, 2])).await, 2, PublishFailure::Refused);
    failed(bus.publish(&writer.letters([7, 5])).await, 1, PublishFailure::Refused);
    failed(bus.publish(&writer.letters([0])).await, 0, PublishFailure::Refused);
    assert_eq!(streams.numbers(&topic).await, [1, 2, 7]);
}

#[tokio::test]
async fn names_that_the_broker_cannot_keep_are_refused() {
    let streams = Streams::start().await;
    let topic = streams.topic("names").await;
    let bus = streams.connect().await;
    let letters = Writer::to(&topic, &"x".repeat(248)).letters([1]);
    failed(bus.publish(&letters).await, 0, PublishFailure::Refused);
    // With `tests/` before it and `/3` behind it.
    let letters = Writer::to(&topic, &"x".repeat(247)).letters([1]);
    bus.publish(&letters).await.expect("255 bytes are taken");
    for topic in ["".to_owned(), "x".repeat(256)] {
        let letters = Writer::to(&topic, "names").letters([1]);
        failed(bus.publish(&letters).await, 0, PublishFailure::Refused);
    }
}

/// The relay cuts each call short: while it connects (four round trips), or declares the producer (two).
#[tokio::test]
async fn an_opening_that_takes_longer_than_the_patience_of_calls_comes_to_its_end() {
    for patience in [300, 500].map(Duration::from_millis) {
        let streams = Streams::start().await;
        let topic = streams.topic("far").await;
        let (writer, bus) = (Writer::to(&topic, "far"), streams.connect().await);
        streams.proxy.cut().await;
        streams.proxy.restore();
        streams.proxy.set_delay(Duration::from_millis(50));
        let letters = writer.letters(1..=3);
        let delivered = async {
            loop {
                match tokio::time::timeout(patience, bus.publish(&letters)).await {
                    Ok(Ok(())) => break,
                    Ok(Err(error)) => assert_eq!(error.failure, PublishFailure::Unavailable),
                    Err(_) => {}
                }
            }
        };
        soon("a call that finds an open connection", delivered).await;
        assert_eq!(streams.numbers(&topic).await, [1, 2, 3], "with patience of {patience:?}");
    }
}

#[tokio::test]
async fn a_large_batch_goes_in_several_frames_and_is_stored_in_order() {
    let streams = Streams::start().await;
    let topic = streams.topic("large").await;
    let (writer, bus) = (Writer::to(&topic, "large"), streams.connect().await);
    let mut letters = writer.series(1..=40);
    for letter in &mut letters {
        letter.event.data = vec![b'x'; 200_000].into();
    }
    soon("eight megabytes", bus.publish(&letters)).await.expect("taken over");
    assert_eq!(streams.numbers(&topic).await, (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_broker_may_allow_smaller_frames_than_the_configuration() {
    let streams = Streams::start().await;
    let topic = streams.topic("small").await;
    let config = RabbitStreamConfig { frame_bytes_max: 8 * 1024 * 1024, ..streams.config() };
    let bus = soon("the bus", RabbitStreamBus::connect(config)).await.expect("it is there");
    let mut letters = Writer::to(&topic, "small").letters(1..=3);
    letters[1].event.data = vec![b'x'; 2 * 1024 * 1024].into();
    failed(bus.publish(&letters).await, 1, PublishFailure::Refused);
    bus.publish(&letters[2..]).await.expect("taken over");
    assert_eq!(streams.numbers(&topic).await, [1, 3]);
}

/// The broker reads the message, not we: what AMQP 1.0 properties become in AMQP 0-9-1.
#[tokio::test]
async fn the_properties_are_those_of_the_event() {
    let streams = Streams::start().await;
    let topic = streams.topic("properties").await;
    let bus = streams.connect().await;
    bus.publish(&Writer::to(&topic, "properties").letters([5])).await.expect("taken over");
    let stored = streams.plain.read_stream_raw(&topic).await;
    let properties = &stored[0].properties;
    let id = properties.message_id().as_ref().map(ToString::to_string);
    assert_eq!(id.as_deref(), Some("00000000-0000-0000-0000-000000000005"));
    assert_eq!(*properties.timestamp(), Some(1_700_000_000));
}

#[tokio::test]
async fn a_wrong_password_and_a_broker_that_is_not_there_are_unavailable() {
    let usual = RabbitStreamConfig::at(support::stream_node(), "tests");
    let stranger = RabbitStreamConfig { password: "hunter2".into(), ..usual };
    let nowhere = RabbitStreamConfig { nodes: vec!["127.0.0.1:1".into()], ..stranger.clone() };
    for config in [stranger, nowhere] {
        let error = soon("the bus", RabbitStreamBus::connect(config)).await;
        let error = error.expect_err("nobody gets in");
        assert_eq!(error.kind(), idp_application::ErrorKind::Unavailable);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn the_bus_names_its_kind_of_broker_for_metrics_and_traces() {
    assert_eq!(Streams::start().await.connect().await.system(), "rabbitmq");
}
