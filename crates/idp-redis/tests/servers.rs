//! Servers that are full, guarded, configured badly or slow.

mod harness;

use harness::Redis;
use harness::letters::{letter, letters};
use harness::private::Private;
use idp_application::{ErrorKind, EventBus, PublishError, PublishFailure};
use idp_conformance::BusHarness;
use idp_redis::{RedisBus, RedisConfig, Replicas, stream_key};
use std::time::Duration;
use tokio::time::timeout;

#[track_caller]
fn failed(outcome: Result<(), PublishError>) -> (PublishFailure, usize) {
    let error = outcome.expect_err("it must fail");
    (error.failure, error.accepted)
}

async fn ids(redis: &Redis, topic: &str) -> Vec<String> {
    redis.entries(topic).await.into_iter().map(|(id, _)| id).collect()
}

fn id_range(numbers: std::ops::RangeInclusive<i64>) -> Vec<String> {
    numbers.map(|number| format!("{number}-0")).collect()
}

#[tokio::test]
async fn a_full_server_throttles_and_loses_nothing_when_there_is_room_again() {
    let redis = Redis::alone().await;
    let (bus, topic) = (redis.connect().await, redis.topic_named("letters"));
    bus.publish(&letters(&topic, 1..=3, 1)).await.expect("stored");
    redis.fill(&topic).await.expect("nobody else uses it");
    for _ in 0..2 {
        let outcome = bus.publish(&letters(&topic, 4..=9, 1)).await;
        assert_eq!(failed(outcome), (PublishFailure::Throttled(None), 0));
    }
    // Also at the first message of an epoch.
    let outcome = bus.publish(&letters(&topic, 4..=9, 2)).await;
    assert_eq!(failed(outcome), (PublishFailure::Throttled(None), 0));
    redis.drain(&topic).await;
    bus.publish(&letters(&topic, 4..=9, 2)).await.expect("stored");
    assert_eq!(ids(&redis, &topic).await, id_range(1..=9));
}

#[tokio::test]
async fn a_key_of_another_type_makes_its_topic_refused_and_no_other() {
    let redis = Redis::start().await;
    let (bus, topic) = (redis.connect().await, redis.topic_named("letters"));
    let mut messages = letters(&topic, 1..=6, 1);
    messages[3].topic = redis.topic_named("taken");
    let key = stream_key(&messages[3].topic, "test", &messages[3].stream);
    let () = redis.run(&["SET", &key, "something else"]).await;
    assert_eq!(failed(bus.publish(&messages).await), (PublishFailure::Refused, 3));
    assert_eq!(ids(&redis, &topic).await, id_range(1..=3), "nothing overtakes it");
    bus.publish(&messages[4..]).await.expect("stored");
    assert_eq!(ids(&redis, &topic).await, ["1-0", "2-0", "3-0", "5-0", "6-0"]);
}

/// The steps behind it are on their way when it fails.
#[tokio::test]
async fn no_step_overtakes_one_that_failed() {
    let redis = Redis::start().await;
    let (bus, topic) = (redis.connect().await, redis.topic_named("letters"));
    let taken = redis.topic_named("taken");
    for (first, failing) in [(1, 7), (1_001, 150), (2_001, 399)] {
        let mut messages = letters(&topic, first..=first + 399, 1);
        messages[failing].topic = taken.clone();
        let key = stream_key(&taken, "test", &messages[failing].stream);
        let () = redis.run(&["SET", &key, "something else"]).await;
        let before = ids(&redis, &topic).await.len();
        assert_eq!(failed(bus.publish(&messages).await), (PublishFailure::Refused, failing));
        assert_eq!(ids(&redis, &topic).await.len(), before + failing);
        bus.publish(&messages[failing + 1..]).await.expect("stored");
        assert_eq!(ids(&redis, &topic).await.len(), before + 399);
    }
}

#[tokio::test]
async fn a_topic_that_the_bus_may_not_write_to_is_refused_and_no_other() {
    let server = Private::start(&[]).await;
    let redis = Redis::on(&server.address).await;
    let rule = ["on", ">hunter2", "+@all", "~good:*", "~{test/*"];
    let () = redis.run(&[&["ACL", "SETUSER", "bus"], &rule[..]].concat()).await;
    let url = format!("redis://bus:hunter2@{}", redis.proxy.address());
    let bus = RedisBus::connect(RedisConfig { url, ..redis.config() }).await.expect("let in");
    let (good, denied) = ("good".into(), "denied".into());
    let mut messages = letters(&good, 1..=6, 1);
    messages[3].topic = denied;
    assert_eq!(failed(bus.publish(&messages).await), (PublishFailure::Refused, 3));
    assert_eq!(failed(bus.publish(&messages[3..]).await), (PublishFailure::Refused, 0));
    bus.publish(&messages[4..]).await.expect("stored");
    assert_eq!(ids(&redis, "good").await, ["1-0", "2-0", "3-0", "5-0", "6-0"]);
    // Without its commands, or without its own keys, no topic is to blame.
    for rule in ["-eval", "-evalsha", "+@all"] {
        let () = redis.run(&["ACL", "SETUSER", "bus", rule]).await;
    }
    for rules in [&["-eval", "-evalsha"][..], &["+@all", "resetkeys", "~good:*"]] {
        let () = redis.run(&[&["ACL", "SETUSER", "bus"], rules].concat()).await;
        let outcome = bus.publish(&letters(&good, 7..=9, 1)).await;
        assert_eq!(failed(outcome), (PublishFailure::Unavailable, 0));
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so_and_a_bus_that_is_locked_out_is_unavailable() {
    let server = Private::start(&["--requirepass", "hunter2"]).await;
    let with = |password: &str| {
        RedisConfig::new(format!("redis://:{password}@{}", server.address), "test")
    };
    for config in
        [with("wrong-hunter"), RedisConfig::new(format!("redis://{}", server.address), "t")]
    {
        let error = RedisBus::connect(config).await.expect_err("the wrong password");
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error:?}");
        assert!(!format!("{error:?}").contains("wrong-hunter"), "{error:?}");
    }
    let bus = RedisBus::connect(with("hunter2")).await.expect("let in");
    let client = redis::Client::open(format!("redis://:hunter2@{}", server.address));
    let mut admin =
        client.expect("an address").get_multiplexed_async_connection().await.expect("let in");
    let topic = "letters".into();
    bus.publish(&letters(&topic, 1..=3, 1)).await.expect("stored");
    let run = async |admin: &mut redis::aio::MultiplexedConnection, words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        words[1..].iter().for_each(|word| {
            command.arg(*word);
        });
        command.query_async::<redis::Value>(admin).await.expect("an operator may");
    };
    run(&mut admin, &["CONFIG", "SET", "requirepass", "other"]).await;
    run(&mut admin, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    for _ in 0..3 {
        let outcome = bus.publish(&letters(&topic, 4..=6, 1)).await;
        assert_eq!(failed(outcome), (PublishFailure::Unavailable, 0));
    }
    run(&mut admin, &["CONFIG", "SET", "requirepass", "hunter2"]).await;
    let again = async { while bus.publish(&letters(&topic, 4..=6, 1)).await.is_err() {} };
    timeout(Duration::from_secs(20), again).await.expect("it recovers by itself");
}

#[tokio::test]
async fn a_server_that_would_drop_streams_is_refused_at_once() {
    let settings = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let server = Private::start(&settings).await;
    let config = RedisConfig::new(format!("redis://{}", server.address), "test");
    let error = RedisBus::connect(config).await.expect_err("it would lose messages");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("allkeys-lru"), "{error}");
}

#[tokio::test]
async fn the_server_bounds_the_size_of_messages_too() {
    let server = Private::start(&["--proto-max-bulk-len", "1mb"]).await;
    let config = RedisConfig::new(format!("redis://{}", server.address), "test");
    let bus = RedisBus::connect(config).await.expect("let in");
    assert_eq!(bus.guarantees().data_bytes_max, Some(1024 * 1024));
    let topic = "letters".into();
    let mut messages = letters(&topic, 1..=4, 1);
    messages[1].event.data = vec![b'x'; 1024 * 1024].into();
    messages[2].event.data = vec![b'x'; 1024 * 1024 + 1].into();
    assert_eq!(failed(bus.publish(&messages).await), (PublishFailure::Refused, 2));
}

#[tokio::test]
async fn a_message_is_taken_over_when_the_replicas_have_it_and_not_before() {
    let primary = Private::start(&["--repl-diskless-sync-delay", "0"]).await;
    let redis = Redis::on(&primary.address).await;
    let replicas = Some(Replicas { count: 1, timeout: Duration::from_millis(300) });
    let bus = RedisBus::connect(RedisConfig { replicas, ..redis.config() }).await.expect("let in");
    let topic = redis.topic_named("letters");
    // It is stored, but on one server only.
    for _ in 0..2 {
        let outcome = bus.publish(&letters(&topic, 1..=3, 1)).await;
        assert_eq!(failed(outcome), (PublishFailure::Unavailable, 0));
    }
    let (host, port) = primary.address.split_once(':').expect("host:port");
    let replica = Private::start(&["--replicaof", host, port]).await;
    let again = async { while bus.publish(&letters(&topic, 1..=5, 1)).await.is_err() {} };
    timeout(Duration::from_secs(30), again).await.expect("the replica catches up");
    let copy = Redis::on(&replica.address).await;
    let key = stream_key(&topic, "test", &letter(&topic, 1, 1).stream);
    assert_eq!(copy.run::<usize>(&["XLEN", &key]).await, 5);
    // A zombie hears that it is one, replicas or not.
    drop(replica);
    bus.publish(&letters(&topic, 6..=6, 2)).await.expect_err("no replica");
    let outcome = bus.publish(&letters(&topic, 7..=7, 1)).await;
    assert_eq!(failed(outcome), (PublishFailure::Fenced, 0));
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_noticed_and_left_behind() {
    let redis = Redis::start().await;
    let answer_timeout = Duration::from_millis(300);
    let config = RedisConfig { answer_timeout, ..redis.config() };
    let bus = RedisBus::connect(config).await.expect("the server is there");
    let topic = redis.topic_named("letters");
    bus.publish(&letters(&topic, 1..=5, 1)).await.expect("stored");
    redis.proxy.stall();
    let sent = timeout(Duration::from_secs(20), bus.publish(&letters(&topic, 6..=10, 1))).await;
    let outcome = sent.expect("it gives up by itself");
    assert_eq!(failed(outcome), (PublishFailure::Unavailable, 0));
    // What was held back arrives together with what is sent again.
    redis.proxy.restore();
    let again = async { while bus.publish(&letters(&topic, 6..=15, 1)).await.is_err() {} };
    timeout(Duration::from_secs(20), again).await.expect("it recovers");
    assert_eq!(ids(&redis, &topic).await, id_range(1..=15));
}

/// The relay cuts each call short before the server has let the bus in.
#[tokio::test]
async fn calls_that_are_dropped_while_it_connects_have_one_connection_made_and_not_one_each() {
    let redis = Redis::start().await;
    let (bus, topic) = (redis.connect().await, redis.topic_named("letters"));
    bus.publish(&letters(&topic, 1..=3, 1)).await.expect("stored");
    redis.proxy.cut().await;
    bus.publish(&letters(&topic, 4..=6, 1)).await.expect_err("there is no network");
    redis.proxy.restore();
    let before = redis.proxy.connections();
    redis.proxy.set_delay(Duration::from_millis(200));
    for _ in 0..5 {
        let messages = letters(&topic, 4..=6, 1);
        let sent = timeout(Duration::from_millis(150), bus.publish(&messages)).await;
        assert!(sent.is_err(), "no answer comes that fast");
    }
    redis.proxy.set_delay(Duration::ZERO);
    let again = async { while bus.publish(&letters(&topic, 4..=6, 1)).await.is_err() {} };
    timeout(Duration::from_secs(30), again).await.expect("it is connected");
    assert_eq!(redis.proxy.connections(), before + 1);
    assert_eq!(ids(&redis, &topic).await, id_range(1..=6));
}
