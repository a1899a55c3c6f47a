//! What is in the server: keys, ids, epochs, and what an operator may do to them.

mod harness;

use harness::Redis;
use harness::letters::{letter, letters};
use idp_application::{EventBus, PublishFailure};
use idp_redis::{RedisBus, RedisConfig, stream_key};
use std::process::Command;

async fn ids(redis: &Redis, topic: &str) -> Vec<String> {
    redis.entries(topic).await.into_iter().map(|(id, _)| id).collect()
}

/// With the command line client of Redis: nothing of ours, and nothing of our client.
#[tokio::test]
async fn an_entry_is_what_the_binding_says() {
    let redis = Redis::start().await;
    let (bus, topic) = (redis.connect().await, redis.topic_named("letters"));
    let mut message = letter(&topic, 12, 3);
    message.event.metadata.insert("remark".into(), "Zoë \"100%\"".into());
    bus.publish(std::slice::from_ref(&message)).await.expect("stored");
    let stream = message.stream.to_string();
    let key = format!("{topic}:{{test/{stream}}}");
    assert_eq!(key, stream_key(&topic, "test", &message.stream));
    let url = std::env::var("IDP_TEST_REDIS").expect("it is there");
    let mut command = Command::new("redis-cli");
    let output = command.args(["-u", &url, "--raw", "XRANGE", &key, "-", "+"]).output();
    let output = output.expect("`redis-cli` must be installed");
    let text = String::from_utf8(output.stdout).expect("text");
    let id = message.event.id.to_string();
    let aggregate = message.event.aggregate_id.to_string();
    let subject = format!("letter/{aggregate}");
    let partition_key = format!("acme/{aggregate}");
    let expected = [
        "12-0",
        "ce_specversion",
        "1.0",
        "ce_id",
        &id,
        "ce_source",
        "/test",
        "ce_type",
        "letter.posted",
        "ce_subject",
        &subject,
        "ce_time",
        "1970-01-01T00:00:00.000000Z",
        "ce_partitionkey",
        &partition_key,
        "ce_tenantid",
        "acme",
        "ce_aggregatetype",
        "letter",
        "ce_aggregateid",
        &aggregate,
        "ce_aggregateversion",
        "1",
        "ce_schemaid",
        "letter.posted",
        "ce_schemaversion",
        "1",
        "ce_remark",
        "Zoë \"100%\"",
        "ce_sequence",
        "0000000000000000012",
        "ce_stream",
        &stream,
        "ce_epoch",
        "3",
        "content-type",
        "application/json",
        "data",
        "{\"number\":12}",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn an_epoch_fences_all_topics_of_a_stream_of_messages() {
    let redis = Redis::start().await;
    let (one, other) = (redis.topic_named("letters"), redis.topic_named("parcels"));
    let (zombie, owner) = (redis.connect().await, redis.connect().await);
    // Larger than a double can tell apart.
    let epoch = (1 << 53) + 1;
    zombie.publish(&[letter(&other, 1, epoch - 1)]).await.expect("stored");
    owner.publish(&[letter(&one, 2, epoch)]).await.expect("stored");
    let late = zombie.publish(&[letter(&other, 3, epoch - 1)]).await;
    let error = late.expect_err("another topic, the same stream of messages");
    assert_eq!((error.failure, error.accepted), (PublishFailure::Fenced, 0));
    assert_eq!(ids(&redis, &other).await, ["1-0"]);
}

#[tokio::test]
async fn the_script_may_be_flushed_at_any_time() {
    let redis = Redis::start().await;
    let (bus, topic) = (redis.connect().await, redis.topic_named("letters"));
    for first in [1, 4, 7] {
        let () = redis.run(&["SCRIPT", "FLUSH"]).await;
        bus.publish(&letters(&topic, first..=first + 2, 1)).await.expect("stored");
    }
    assert_eq!(ids(&redis, &topic).await.len(), 9);
}

#[tokio::test]
async fn another_event_under_a_number_that_is_taken_is_not_dropped_silently() {
    let redis = Redis::start().await;
    let (bus, topic) = (redis.connect().await, redis.topic_named("letters"));
    bus.publish(&letters(&topic, 1..=3, 1)).await.expect("stored");
    let mut messages = letters(&topic, 1..=5, 1);
    messages[2].event.id = letter(&topic, 99, 1).event.id;
    let error = bus.publish(&messages).await.expect_err("not the same");
    assert_eq!((error.failure, error.accepted), (PublishFailure::Unavailable, 2));
    assert!(error.to_string().contains("restored from a backup"), "{error}");
    assert_eq!(ids(&redis, &topic).await.len(), 3);
}

#[tokio::test]
async fn what_was_stored_and_deleted_is_not_stored_again() {
    let redis = Redis::start().await;
    let (bus, topic) = (redis.connect().await, redis.topic_named("letters"));
    bus.publish(&letters(&topic, 1..=5, 1)).await.expect("stored");
    let key = stream_key(&topic, "test", &letter(&topic, 1, 1).stream);
    let () = redis.run(&["XTRIM", &key, "MAXLEN", "0"]).await;
    bus.publish(&letters(&topic, 4..=7, 1)).await.expect("stored, or was");
    assert_eq!(ids(&redis, &topic).await, ["6-0", "7-0"]);
}

#[tokio::test]
async fn a_bound_on_entries_deletes_the_oldest() {
    let redis = Redis::start().await;
    let config = RedisConfig { entries_max: Some(100), ..redis.config() };
    let bus = RedisBus::connect(config).await.expect("the server is there");
    let topic = redis.topic_named("letters");
    bus.publish(&letters(&topic, 1..=2_000, 1)).await.expect("stored");
    let ids = ids(&redis, &topic).await;
    // Whole nodes of a hundred entries are deleted.
    assert!((100..=300).contains(&ids.len()), "{}", ids.len());
    assert_eq!(ids.last().map(String::as_str), Some("2000-0"));
}

#[tokio::test]
async fn an_event_with_more_metadata_than_a_script_can_hand_on_is_refused() {
    let redis = Redis::start().await;
    let (bus, topic) = (redis.connect().await, redis.topic_named("letters"));
    let with = |sequence: i64, count: usize| {
        let mut message = letter(&topic, sequence, 1);
        let metadata = (0..count).map(|number| (format!("m{number}"), "x".to_owned()));
        message.event.metadata = metadata.collect();
        message
    };
    bus.publish(&[with(1, 1_000)]).await.expect("stored");
    let error = bus.publish(&[with(2, 3), with(3, 1_001)]).await.expect_err("too many");
    assert_eq!((error.failure, error.accepted), (PublishFailure::Refused, 1));
}

#[tokio::test]
async fn the_bus_names_its_kind_of_broker_for_metrics_and_traces() {
    assert_eq!(Redis::start().await.connect().await.system(), "redis");
}
