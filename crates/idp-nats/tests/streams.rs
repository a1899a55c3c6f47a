//! How streams are configured, and what becomes of messages when that changes or fills them.

mod harness;

use async_nats::jetstream::{consumer, stream};
use futures_util::StreamExt;
use harness::Nats;
use harness::letters::{letter, letters};
use idp_application::{Duplicates, ErrorKind, EventBus, PublishError, PublishFailure};
use idp_nats::{Deduplication, NatsAuth, NatsBus, NatsConfig, strict_subject};
use std::time::Duration;

fn limited(max_messages: i64) -> stream::Config {
    stream::Config { max_messages, discard: stream::DiscardPolicy::New, ..Default::default() }
}

#[track_caller]
fn failed(outcome: Result<(), PublishError>) -> (PublishFailure, usize) {
    let error = outcome.expect_err("it must fail");
    (error.failure, error.accepted)
}

async fn numbers(nats: &Nats, topic: &str) -> Vec<i64> {
    let messages = nats.messages(topic).await;
    let header = |message: &async_nats::jetstream::Message| {
        let headers = message.headers.clone().expect("binary mode");
        headers.get("ce-sequence").expect("ours").as_str().parse().expect("a number")
    };
    messages.iter().map(header).collect()
}

#[tokio::test]
async fn what_the_bus_guarantees_is_read_from_the_stream() {
    let seconds = Duration::from_secs;
    let config = |duplicate_window, max_age| stream::Config {
        duplicate_window,
        max_age,
        ..Default::default()
    };
    let cases = [
        (
            Deduplication::Window,
            config(seconds(77), seconds(0)),
            Duplicates::NeverWithin(seconds(77)),
        ),
        (Deduplication::Strict, config(seconds(77), seconds(0)), Duplicates::Never),
        (
            Deduplication::Strict,
            config(seconds(7), seconds(99)),
            Duplicates::NeverWithin(seconds(99)),
        ),
    ];
    for (mode, config, expected) in cases {
        let mut nats = Nats::with(mode, config).await;
        for marks_takeovers in [false, true] {
            nats.marks_takeovers = marks_takeovers;
            let guarantees = nats.connect().await.guarantees();
            assert_eq!(guarantees.duplicates, expected);
            let is_fenced = marks_takeovers && expected == Duplicates::Never;
            assert_eq!(guarantees.fences_zombies, is_fenced);
        }
    }
}

#[tokio::test]
async fn a_stream_that_cannot_do_what_is_asked_is_refused_at_once() {
    let bounded = stream::Config { max_messages: 10, ..Default::default() };
    let nats = Nats::with(Deduplication::Strict, bounded).await;
    let error = NatsBus::connect(nats.config()).await.expect_err("it would forget");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("must discard `new`"), "{error}");
    let config = NatsConfig { streams: vec!["NOWHERE".to_owned()], ..nats.config() };
    let error = NatsBus::connect(config).await.expect_err("there is none");
    assert!(error.message().contains("\"NOWHERE\" does not exist"), "{error}");
}

#[tokio::test]
async fn a_message_is_stored_again_when_the_window_has_passed_and_not_before() {
    let window = Duration::from_millis(300);
    let config = stream::Config { duplicate_window: window, ..Default::default() };
    let nats = Nats::with(Deduplication::Window, config).await;
    let (bus, topic) = (nats.connect().await, nats.topic_named("letters"));
    let messages = letters(&topic, 1..=2, 1);
    bus.publish(&messages).await.expect("stored");
    bus.publish(&messages).await.expect("stored before");
    assert_eq!(numbers(&nats, &topic).await, [1, 2]);
    let again = async {
        while numbers(&nats, &topic).await.len() == 2 {
            bus.publish(&messages).await.expect("stored");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("the window passes");
}

#[tokio::test]
async fn a_full_stream_is_unavailable_and_takes_messages_again_in_their_order() {
    for mode in [Deduplication::Window, Deduplication::Strict] {
        let nats = Nats::with(mode, limited(10)).await;
        let (bus, topic) = (nats.connect().await, nats.topic_named("letters"));
        let messages = letters(&topic, 1..=25, 1);
        assert_eq!(
            failed(bus.publish(&messages).await),
            (PublishFailure::TopicUnavailable(None), 10)
        );
        assert_eq!(numbers(&nats, &topic).await, (1..=10).collect::<Vec<_>>());
        let stream = nats.jetstream.get_stream(&nats.name).await.expect("it exists");
        stream.purge().sequence(8).await.expect("room for seven");
        assert_eq!(
            failed(bus.publish(&messages[10..]).await),
            (PublishFailure::TopicUnavailable(None), 7)
        );
        assert_eq!(numbers(&nats, &topic).await, (8..=17).collect::<Vec<_>>());
    }
}

/// A consumer makes room while messages are on their way: one is rejected and the next could be
/// stored.
#[tokio::test]
async fn no_message_overtakes_one_of_its_key_that_found_the_stream_full() {
    let retention = stream::RetentionPolicy::WorkQueue;
    let config = stream::Config { retention, ..limited(5) };
    let nats = Nats::with(Deduplication::Window, config).await;
    let (bus, topic) = (nats.connect().await, nats.topic_named("letters"));
    let stream = nats.jetstream.get_stream(&nats.name).await.expect("it exists");
    let consumer = stream.create_consumer(consumer::pull::Config::default()).await;
    let mut consumed = consumer.expect("anybody may").messages().await.expect("the server answers");
    let consuming = async {
        let mut keys = std::collections::BTreeMap::<i64, i64>::new();
        for _ in 0..300 {
            let message = consumed.next().await.expect("endless").expect("whole");
            let headers = message.headers.clone().expect("binary mode");
            let number = headers.get("ce-sequence").expect("ours").as_str();
            let number: i64 = number.parse().expect("a number");
            let before = keys.insert(number % 3, number).unwrap_or(0);
            assert!(before < number, "{number} stands behind {before}");
            message.ack().await.expect("the server is there");
        }
    };
    let publishing = async {
        let messages = letters(&topic, 1..=300, 1);
        let mut done = 0;
        while done < messages.len() {
            if let Err(error) = bus.publish(&messages[done..]).await {
                assert_eq!(error.failure, PublishFailure::TopicUnavailable(None), "{error}");
                done += error.accepted;
                tokio::task::yield_now().await;
            } else {
                done = messages.len();
            }
        }
    };
    let both = async { tokio::join!(consuming, publishing) };
    tokio::time::timeout(Duration::from_secs(60), both).await.expect("all come through");
}

#[tokio::test]
async fn what_is_too_large_for_the_stream_is_refused_before_and_after_the_bound_changes() {
    for mode in [Deduplication::Window, Deduplication::Strict] {
        let config = stream::Config { max_message_size: 4_096, ..Default::default() };
        let nats = Nats::with(mode, config).await;
        let (bus, topic) = (nats.connect().await, nats.topic_named("letters"));
        let mut messages = letters(&topic, 1..=5, 1);
        messages[3].event.data = vec![b'x'; 4_096].into();
        assert_eq!(failed(bus.publish(&messages).await), (PublishFailure::Refused, 3));
        let stream = nats.jetstream.get_stream(&nats.name).await.expect("it exists");
        let mut config = stream.cached_info().config.clone();
        config.max_message_size = 600;
        nats.jetstream.update_stream(config).await.expect("an operator may");
        // What the bus knows of the stream is out of date now.
        let large = letter(&topic, 9, 1);
        for _ in 0..2 {
            let outcome = bus.publish(std::slice::from_ref(&large)).await;
            assert_eq!(failed(outcome), (PublishFailure::Refused, 0));
        }
        assert_eq!(numbers(&nats, &topic).await, [1, 2, 3]);
    }
}

#[tokio::test]
async fn a_stream_that_is_deleted_makes_its_topics_unknown() {
    for mode in [Deduplication::Window, Deduplication::Strict] {
        let nats = Nats::start(mode).await;
        let (bus, topic) = (nats.connect().await, nats.topic_named("letters"));
        bus.publish(&letters(&topic, 1..=3, 1)).await.expect("stored");
        nats.jetstream.delete_stream(&nats.name).await.expect("an operator may");
        let outcome = bus.publish(&letters(&topic, 4..=6, 1)).await;
        assert_eq!(failed(outcome), (PublishFailure::Refused, 0));
    }
}

#[tokio::test]
async fn a_subject_that_is_added_to_a_stream_is_found() {
    let nats = Nats::start(Deduplication::Window).await;
    let (bus, topic) = (nats.connect().await, format!("more.{}", nats.name).into());
    assert_eq!(failed(bus.publish(&letters(&topic, 1..=1, 1)).await), (PublishFailure::Refused, 0));
    let stream = nats.jetstream.get_stream(&nats.name).await.expect("it exists");
    let mut config = stream.cached_info().config.clone();
    config.subjects.push(topic.to_string());
    nats.jetstream.update_stream(config).await.expect("an operator may");
    bus.publish(&letters(&topic, 1..=1, 1)).await.expect("stored");
    assert_eq!(numbers(&nats, &topic).await, [1]);
}

#[tokio::test]
async fn another_event_under_a_number_that_is_taken_is_not_dropped_silently() {
    let nats = Nats::start(Deduplication::Strict).await;
    let topic = nats.topic_named("letters");
    nats.connect().await.publish(&letters(&topic, 1..=3, 1)).await.expect("stored");
    let mut other = letter(&topic, 3, 2);
    other.event.id = letter(&topic, 99, 2).event.id;
    let error = nats.connect().await.publish(&[other]).await.expect_err("not the same");
    assert_eq!((error.failure, error.accepted), (PublishFailure::Unavailable, 0));
    assert!(error.to_string().contains("restored from a backup"), "{error}");
}

#[tokio::test]
async fn a_message_of_somebody_else_on_a_strict_subject_stops_the_stream() {
    let nats = Nats::start(Deduplication::Strict).await;
    let topic = nats.topic_named("letters");
    let message = letter(&topic, 1, 1);
    let subject = strict_subject(&topic, "test", &message.stream);
    let sent = nats.jetstream.publish(subject, "not ours".into()).await.expect("sent");
    sent.await.expect("stored");
    let outcome = nats.connect().await.publish(&[message]).await;
    assert_eq!(failed(outcome), (PublishFailure::Unavailable, 0));
}

#[tokio::test]
async fn a_worker_is_refused_from_the_first_message_on_that_the_next_one_stores() {
    let nats = Nats::start(Deduplication::Strict).await;
    let topic = nats.topic_named("letters");
    let (zombie, owner) = (nats.connect().await, nats.connect().await);
    zombie.publish(&letters(&topic, 1..=5, 1)).await.expect("stored");
    owner.publish(&letters(&topic, 1..=5, 2)).await.expect("stored before");
    zombie.publish(&letters(&topic, 6..=6, 1)).await.expect("nobody objects yet");
    owner.publish(&letters(&topic, 6..=7, 2)).await.expect("stored");
    let outcome = zombie.publish(&letters(&topic, 7..=9, 1)).await;
    assert_eq!(failed(outcome), (PublishFailure::Fenced, 0));
    assert_eq!(numbers(&nats, &topic).await, (1..=7).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_takeover_is_marked_only_where_there_is_nothing_to_store() {
    let nats = Nats::marked().await;
    let topic = nats.topic_named("letters");
    let (first, second) = (nats.connect().await, nats.connect().await);
    first.publish(&letters(&topic, 1..=5, 1)).await.expect("stored");
    second.publish(&letters(&topic, 4..=6, 3)).await.expect("stored");
    let outcome = first.publish(&letters(&topic, 6..=7, 1)).await;
    assert_eq!(failed(outcome), (PublishFailure::Fenced, 0));
    let marks: Vec<_> = nats.messages(&topic).await.iter().map(harness::is_mark).collect();
    assert_eq!(marks, [false, false, false, false, false, true, false]);
    first.publish(&letters(&topic, 7..=9, 4)).await.expect("stored, by a new epoch");
    assert_eq!(nats.messages(&topic).await.len(), 10, "no further mark");
}

#[tokio::test]
async fn ids_on_the_server_are_by_stream_and_number_so_that_targets_do_not_meet() {
    let nats = Nats::start(Deduplication::Window).await;
    let (bus, topic) = (nats.connect().await, nats.topic_named("letters"));
    let message = letter(&topic, 5, 2);
    let mut other = message.clone();
    other.stream =
        idp_application::Stream { target: "audit".into(), ..(*message.stream).clone() }.into();
    bus.publish(&[message]).await.expect("stored");
    bus.publish(&[other]).await.expect("stored");
    let stored = nats.messages(&topic).await;
    let id = |at: usize| {
        let headers = stored[at].headers.clone().expect("binary mode");
        headers.get("Nats-Msg-Id").expect("there is one").to_string()
    };
    assert_eq!((id(0), id(1)), ("test/bus/7/5".to_owned(), "test/audit/7/5".to_owned()));
}

#[tokio::test]
async fn secrets_are_in_no_error() {
    let mut config = NatsConfig::new("nats://user:hunter2@127.0.0.1:1", "test", ["S"]);
    let error = NatsBus::connect(config.clone()).await.expect_err("not the place for it");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    config.servers = vec!["nats://127.0.0.1:1".to_owned()];
    config.auth = NatsAuth::Credentials("hunter2".to_owned());
    let error = NatsBus::connect(config.clone()).await.expect_err("no credentials");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    config.auth = NatsAuth::Token("hunter2".to_owned());
    let error = NatsBus::connect(config).await.expect_err("nobody there");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn the_bus_names_its_kind_of_broker_for_metrics_and_traces() {
    let nats = Nats::with(Deduplication::Strict, stream::Config::default()).await;
    assert_eq!(nats.connect().await.system(), "nats");
}
