//! What needs a broker that can be killed and starved.

mod support;

use idp_application::{EventBus, PublishError, PublishFailure};
use idp_rabbitmq::{RabbitBus, RabbitConfig, RabbitStreamBus, RabbitStreamConfig};
use idp_testkit::{Direction, Proxy};
use std::time::Duration;
use support::letters::Writer;
use support::own_broker::OwnBroker;
use support::plain::Plain;
use support::{deliver, soon};

/// More than any disk has.
const TOO_MUCH: &str = "1000000GB";

async fn bus(broker: &OwnBroker) -> RabbitBus {
    let connecting = RabbitBus::connect(RabbitConfig::at(broker.uri()));
    soon("the bus", connecting).await.expect("the broker is there")
}

/// Publishes until the broker takes nothing any more, which it says to who publishes: it may take
/// something still. The first number that was not taken over, and why.
async fn until_failure(bus: &dyn EventBus, writer: &Writer, first: i64) -> (i64, PublishError) {
    let publishing = async {
        let mut next = first;
        loop {
            let outcome = bus.publish(&writer.letters(next..=next + 9)).await;
            match outcome {
                Ok(()) => next += 10,
                Err(error) => return (next + error.accepted as i64, error),
            }
        }
    };
    soon("the failure", publishing).await
}

/// The numbers in a queue, each where it stands first.
async fn numbers(plain: &Plain, queue: &str) -> Vec<i64> {
    let stored = plain.drain(queue).await;
    let numbers = stored.iter().map(|got| got.attributes["sequence"].parse().expect("a number"));
    let mut seen = std::collections::HashSet::new();
    numbers.filter(|number| seen.insert(*number)).collect()
}

#[tokio::test]
async fn a_broker_without_room_throttles_and_is_sent_nothing_until_it_has_some() {
    let broker = OwnBroker::start().await;
    let plain = Plain::connect_to(&broker.uri()).await;
    plain.declare_queue("starved", &[]).await;
    let node = broker.uri().replace("amqp://guest:guest@", "");
    let proxy = Proxy::to(node).await.expect("a port is free");
    let config = RabbitConfig::at(format!("amqp://guest:guest@{}", proxy.address()));
    let bus = soon("the bus", RabbitBus::connect(config)).await.expect("the broker is there");
    let writer = Writer::to("/starved", "starved");
    bus.publish(&writer.letters([1])).await.expect("taken over");
    broker.demand_free_disk(TOO_MUCH);
    let (next, error) = until_failure(&bus, &writer, 2).await;
    let is_throttled = |failure| matches!(failure, PublishFailure::Throttled(_));
    assert!(is_throttled(error.failure), "{error}");
    let before = proxy.bytes(Direction::ToServer);
    for _ in 0..20 {
        let outcome = soon("the answer", bus.publish(&writer.letters([next]))).await;
        let error = outcome.expect_err("it takes nothing");
        assert_eq!((error.accepted, is_throttled(error.failure)), (0, true), "{error}");
    }
    assert!(proxy.bytes(Direction::ToServer) < before + 100, "only heartbeats are sent");
    broker.demand_free_disk("1MB");
    deliver(&bus, &writer.letters(next..=next + 10)).await;
    assert_eq!(numbers(&plain, "starved").await, (1..=next + 10).collect::<Vec<_>>());
}

/// A cluster of two. What the node that is left says of it is what it says of a queue that never was.
#[tokio::test]
async fn a_queue_whose_node_is_down_is_waited_for_and_refuses_nothing() {
    let first = OwnBroker::start().await;
    let mut second = OwnBroker::join(&first).await;
    let plain = Plain::connect_to(&second.uri()).await;
    plain.declare_queue("homed", &[]).await;
    let (bus, writer) = (bus(&first).await, Writer::to("/homed", "homed"));
    bus.publish(&writer.letters(1..=3)).await.expect("taken over");
    second.kill();
    let away = async {
        loop {
            let error = bus.publish(&writer.letters([4])).await.expect_err("it is down");
            match error.failure {
                PublishFailure::TopicUnavailable(None)
                    if error.to_string().contains("NO_ROUTE") =>
                {
                    break;
                }
                // Until the other node knows that it is down, what goes there is not confirmed.
                PublishFailure::Unavailable | PublishFailure::TopicUnavailable(None) => {}
                failure => panic!("{failure:?}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("the word of the other node", away).await;
    second.restart().await;
    deliver(&bus, &writer.letters(4..=6)).await;
    let plain = Plain::connect_to(&second.uri()).await;
    assert_eq!(numbers(&plain, "homed").await, [1, 2, 3, 4, 5, 6]);
}

/// Streams have no word for it: the broker just stops to read.
#[tokio::test]
async fn a_stream_of_a_broker_without_room_is_unavailable_in_time() {
    let broker = OwnBroker::start().await;
    let plain = Plain::connect_to(&broker.uri()).await;
    plain.declare_stream("starved").await;
    let config = RabbitStreamConfig {
        confirm_timeout: Duration::from_millis(500),
        ..RabbitStreamConfig::at(broker.stream_node(), "tests")
    };
    let bus = soon("the bus", RabbitStreamBus::connect(config)).await.expect("it is there");
    let writer = Writer::to("starved", "starved");
    bus.publish(&writer.letters([1])).await.expect("taken over");
    broker.demand_free_disk(TOO_MUCH);
    let (next, error) = until_failure(&bus, &writer, 2).await;
    assert_eq!(error.failure, PublishFailure::Unavailable, "{error}");
    broker.demand_free_disk("1MB");
    deliver(&bus, &writer.letters(next..=next + 10)).await;
    let stored = plain.read_stream("starved").await;
    let stored = stored.iter().map(|got| got.attributes["sequence"].parse().expect("a number"));
    assert_eq!(stored.collect::<Vec<i64>>(), (1..=next + 10).collect::<Vec<_>>());
}

/// Its limit is less than what the configuration allows.
#[tokio::test]
async fn a_message_that_only_the_broker_finds_too_large_is_refused_behind_those_before_it() {
    let broker = OwnBroker::start().await;
    let plain = Plain::connect_to(&broker.uri()).await;
    plain.declare_queue("large", &[]).await;
    let (bus, writer) = (bus(&broker).await, Writer::to("/large", "large"));
    bus.publish(&writer.letters([1])).await.expect("taken over");
    for first in [2, 10] {
        let mut letters = writer.letters(first..first + 8);
        letters[4].event.data = vec![b'x'; 65_537].into();
        let outcome = soon("the answer", bus.publish(&letters)).await;
        let error = outcome.expect_err("it is too large");
        assert_eq!((error.accepted, error.failure), (4, PublishFailure::Refused), "{error}");
        assert!(error.to_string().contains("larger than"), "{error}");
        bus.publish(&letters[5..]).await.expect("taken over");
    }
    let expected = (1..=17).filter(|number| ![6, 14].contains(number));
    let mut stored = numbers(&plain, "large").await;
    stored.sort_unstable();
    assert_eq!(stored, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_confirmed_survives_a_broker_that_is_killed() {
    let mut broker = OwnBroker::start().await;
    let plain = Plain::connect_to(&broker.uri()).await;
    plain.declare_queue("killed", &[]).await;
    let (bus, writer) = (bus(&broker).await, Writer::to("/killed", "killed"));
    bus.publish(&writer.letters(1..=50)).await.expect("taken over");
    broker.kill();
    let outcome = soon("the answer", bus.publish(&writer.letters([51]))).await;
    let error = outcome.expect_err("it is dead");
    assert_eq!((error.accepted, error.failure), (0, PublishFailure::Unavailable), "{error}");
    broker.restart().await;
    deliver(&bus, &writer.letters(51..=60)).await;
    let plain = Plain::connect_to(&broker.uri()).await;
    let mut stored = numbers(&plain, "killed").await;
    stored.sort_unstable();
    assert_eq!(stored, (1..=60).collect::<Vec<_>>());
}

/// Stopped, not killed: a RabbitMQ 3.10 that is killed within minutes of its first stream does not
/// find its streams again, since it notes on disk too late that it has any.
#[tokio::test]
async fn a_stream_knows_its_numbers_when_the_broker_was_stopped_and_started() {
    let mut broker = OwnBroker::start().await;
    let plain = Plain::connect_to(&broker.uri()).await;
    plain.declare_stream("stopped").await;
    let config = RabbitStreamConfig::at(broker.stream_node(), "tests");
    let bus = soon("the bus", RabbitStreamBus::connect(config)).await.expect("it is there");
    let writer = Writer::to("stopped", "stopped");
    bus.publish(&writer.letters(1..=50)).await.expect("taken over");
    broker.stop();
    let outcome = soon("the answer", bus.publish(&writer.letters([51]))).await;
    let error = outcome.expect_err("it is not there");
    assert_eq!((error.accepted, error.failure), (0, PublishFailure::Unavailable), "{error}");
    broker.restart().await;
    // All of it again.
    deliver(&bus, &writer.letters(1..=60)).await;
    let stored = Plain::connect_to(&broker.uri()).await.read_stream("stopped").await;
    let stored = stored.iter().map(|got| got.attributes["sequence"].parse().expect("a number"));
    assert_eq!(stored.collect::<Vec<i64>>(), (1..=60).collect::<Vec<_>>());
}
