//! What brokers do to producers in the middle of their work.

mod support;

use idp_application::{EventBus, PublishFailure};
use idp_pulsar::PulsarConfig;
use std::time::Duration;
use support::bare::{Bare, SHARED};
use support::harness::PulsarHarness;
use support::reader::numbers;
use support::{Sender, bounded, broker};
use tokio::time::timeout;

async fn topic(harness: &PulsarHarness) -> String {
    harness.admin().topic(harness.namespace(), "orders", 0).await
}

/// Without an error: the bus finds it again by itself.
#[tokio::test]
async fn a_topic_that_moves_is_followed_in_the_middle_of_a_call() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let (sender, bus) = (Sender::of_lane(&topic, 0), harness.connect(harness.config()).await);
        bus.publish(&sender.messages(1..=10)).await.expect("stored");
        let publishing = async {
            for first in (11..20_010).step_by(1_000) {
                let messages = sender.messages(first..first + 1_000);
                bus.publish(&messages).await.expect("stored");
            }
        };
        let unloading = async {
            for _ in 0..10 {
                harness.admin().unload(&topic).await;
            }
        };
        tokio::join!(publishing, unloading);
        assert_eq!(numbers(&topic).await, (1..=20_010).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn while_another_has_the_name_its_topic_is_unavailable() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let mut zombie = Bare::connect(&broker()).await;
        zombie.produce(&topic, "shop/orders/0", SHARED, None).await.expect("nobody else has it");
        // It answers when the broker asks whether it is there.
        let living = tokio::spawn(async move { zombie.next().await.is_some() });
        let config = PulsarConfig { patience: Duration::from_millis(300), ..harness.config() };
        let (sender, bus) = (Sender::of_lane(&topic, 0), harness.connect(config).await);
        let error = bus.publish(&sender.messages(1..=3)).await.expect_err("the name is taken");
        assert_eq!((error.accepted, error.failure), (0, PublishFailure::TopicUnavailable(None)));
        assert!(error.error.message().contains("ProducerBusy"), "{error}");
        bus.publish(&Sender::of_lane(&topic, 1).messages(1..=3)).await.expect("another name");
        living.abort();
        let taking_over = async { while bus.publish(&sender.messages(4..=5)).await.is_err() {} };
        taking_over.await;
        let mut numbers = numbers(&topic).await;
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
    })
    .await;
}

/// As of a process that is stopped: the broker asks whether it is there, and gives up on it.
#[tokio::test]
async fn a_name_is_taken_over_from_one_that_does_not_answer() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let mut silent = Bare::connect(&broker()).await;
        silent.produce(&topic, "shop/orders/0", SHARED, None).await.expect("nobody else has it");
        let config = PulsarConfig { patience: Duration::from_secs(20), ..harness.config() };
        let config = PulsarConfig { request_timeout: Duration::from_secs(10), ..config };
        let bus = harness.connect(config).await;
        let messages = Sender::of_lane(&topic, 0).messages(1..=3);
        bus.publish(&messages).await.expect("taken over");
        assert_eq!(numbers(&topic).await, [1, 2, 3]);
    })
    .await;
}

/// Where it stood, so that the next worker can have the name: no call of it is needed for that.
#[tokio::test]
async fn a_stream_that_is_not_used_gives_its_name_up() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let bus = harness.connect(harness.config()).await;
        bus.publish(&Sender::of_lane(&topic, 0).messages(1..=3)).await.expect("stored");
        let mut other = Bare::connect(&broker()).await;
        while other.produce(&topic, "shop/orders/0", SHARED, None).await != Ok(3) {}
        drop(bus);
    })
    .await;
}

/// It comes to its end without the call that began it, and holds the name no longer than one that was
/// used.
#[tokio::test]
async fn an_opening_that_nobody_waits_for_gives_its_name_up() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let bus = harness.connect(harness.config()).await;
        harness.proxy.slow_down(Duration::from_millis(200));
        let messages = Sender::of_lane(&topic, 0).messages(1..=3);
        let given_up = timeout(Duration::from_millis(50), bus.publish(&messages)).await;
        assert!(given_up.is_err(), "no answer came that fast");
        let mut taken = false;
        while !taken {
            let mut other = Bare::connect(&broker()).await;
            taken = other.produce(&topic, "shop/orders/0", SHARED, None).await.is_err();
        }
        let mut other = Bare::connect(&broker()).await;
        while other.produce(&topic, "shop/orders/0", SHARED, None).await != Ok(-1) {}
        drop(bus);
        assert!(numbers(&topic).await.is_empty());
    })
    .await;
}

/// Of the topics of a call: those that came to rest before the call was given up.
#[tokio::test]
async fn a_call_to_many_topics_gets_further_each_time_that_it_is_given_up() {
    const ROUND_TRIP: Duration = Duration::from_millis(100);
    // Enough for what one topic takes, with time to spare, and less than what all take.
    const ROUND_TRIPS: u32 = 18;
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let mut messages = Vec::new();
        for number in 1..=8 {
            let name = format!("orders-{number}");
            let topic = harness.admin().topic(harness.namespace(), &name, 0).await;
            messages.extend(Sender::of_lane(&topic, 0).messages([number]));
        }
        let bus = harness.connect(harness.config()).await;
        harness.proxy.slow_down(ROUND_TRIP);
        let mut calls = 0;
        while timeout(ROUND_TRIP * ROUND_TRIPS, bus.publish(&messages)).await.is_err() {
            calls += 1;
        }
        assert!(calls >= 2, "all topics take longer than a call: {calls}");
        for message in &messages {
            assert_eq!(numbers(&message.topic).await, [message.sequence.unsigned_abs()]);
        }
    })
    .await;
}

/// While the broker loads the topic, at each step of it.
#[tokio::test]
async fn an_opening_that_is_given_up_leaves_the_name_free() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let bus = harness.connect(harness.config()).await;
        let sender = Sender::of_lane(&topic, 0);
        for round in 1..=60 {
            harness.admin().unload(&topic).await;
            let messages = sender.messages(round..=round + 1);
            let short = Duration::from_micros(500 * round.unsigned_abs());
            let _ = timeout(short, bus.publish(&messages)).await;
            if round % 3 == 0 {
                bus.publish(&messages).await.expect("the name is free");
            }
        }
        bus.publish(&sender.messages(60..=70)).await.expect("the name is free");
    })
    .await;
}

/// The policy of one topic; the bus knows only that of the broker.
async fn limited(harness: &PulsarHarness, topic: &str, bytes: u64) {
    let at = format!("{}/maxMessageSize", topic.replace("://", "/"));
    harness.admin().done("POST", &at, &bytes.to_string()).await;
    loop {
        let answer = harness.admin().ask("GET", &format!("{at}?applied=true"), "").await;
        if answer.body == bytes.to_string().as_bytes() {
            return;
        }
    }
}

/// Nothing is sent behind a large message until the broker has it.
#[tokio::test]
async fn nothing_overtakes_a_large_message_that_a_policy_of_the_topic_refuses() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        limited(&harness, &topic, 100_000).await;
        let (sender, bus) = (Sender::of_lane(&topic, 0), harness.connect(harness.config()).await);
        let mut messages = sender.messages(1..=10);
        messages[4].event.data = vec![b'x'; 120_000].into();
        let error = bus.publish(&messages).await.expect_err("too large for the topic");
        assert_eq!((error.accepted, error.failure), (4, PublishFailure::Refused), "{error:?}");
        assert_eq!(numbers(&topic).await, [1, 2, 3, 4]);
        bus.publish(&messages[5..]).await.expect("stored");
        assert_eq!(numbers(&topic).await, [1, 2, 3, 4, 6, 7, 8, 9, 10]);
    })
    .await;
}

/// It is refused, and what was sent behind it meanwhile is stored: README.md says so.
#[tokio::test]
async fn small_messages_that_a_policy_of_the_topic_refuses_are_overtaken() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        limited(&harness, &topic, 10_000).await;
        let (sender, bus) = (Sender::of_lane(&topic, 0), harness.connect(harness.config()).await);
        bus.publish(&sender.messages([1])).await.expect("stored");
        let mut messages = sender.messages(2..=10);
        messages[3].event.data = vec![b'x'; 12_000].into();
        let error = bus.publish(&messages).await.expect_err("too large for the topic");
        assert_eq!((error.accepted, error.failure), (3, PublishFailure::Refused), "{error:?}");
        bus.publish(&messages[4..]).await.expect("stored, once");
        assert_eq!(numbers(&topic).await, [1, 2, 3, 4, 6, 7, 8, 9, 10]);
    })
    .await;
}

/// Its number stands below others that are stored: under that, the broker would drop it as known.
#[tokio::test]
async fn a_message_that_the_network_corrupts_is_not_lost_behind_later_ones() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let (sender, bus) = (Sender::of_lane(&topic, 0), harness.connect(harness.config()).await);
        bus.publish(&sender.messages([1])).await.expect("stored");
        harness.proxy.corrupt(b"{\"number\":4}");
        let error = bus.publish(&sender.messages(2..=9)).await.expect_err("corrupted");
        assert_eq!((error.accepted, error.failure), (2, PublishFailure::Refused), "{error:?}");
        assert!(error.error.message().contains("later messages were stored"), "{error}");
        assert_eq!(numbers(&topic).await, [1, 2, 3, 5, 6, 7, 8, 9]);
    })
    .await;
}

#[tokio::test]
async fn a_message_that_the_network_corrupts_is_sent_again_if_nothing_overtook_it() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = topic(&harness).await;
        let (sender, bus) = (Sender::of_lane(&topic, 0), harness.connect(harness.config()).await);
        bus.publish(&sender.messages([1])).await.expect("stored");
        harness.proxy.corrupt(b"{\"number\":4}");
        bus.publish(&sender.messages(2..=4)).await.expect("stored");
        assert_eq!(numbers(&topic).await, [1, 2, 3, 4]);
    })
    .await;
}

/// A namespace that nobody made, one that may not be named so, and a topic that was ended.
#[tokio::test]
async fn topics_that_will_never_take_a_message_are_refused() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let ended = topic(&harness).await;
        let at = format!("{}/terminate", ended.replace("://", "/"));
        harness.admin().done("POST", &at, "").await;
        let bus = harness.connect(harness.config()).await;
        let names =
            [ended.as_str(), "public/nowhere/orders", "nobody/default/orders", "a/b", "", "a b"];
        for (lane, name) in (0..).zip(names) {
            let messages = Sender::of_lane(name, lane).messages(1..=2);
            let error = bus.publish(&messages).await.expect_err("no such topic");
            assert_eq!(
                (error.accepted, error.failure),
                (0, PublishFailure::Refused),
                "{name}: {error:?}"
            );
        }
    })
    .await;
}

/// The policies that refuse producers when consumers lag; once they are lifted, it goes on.
#[tokio::test]
async fn a_backlog_over_its_quota_closes_its_topic_and_no_other() {
    bounded(async {
        for policy in ["producer_exception", "producer_request_hold"] {
            let harness = PulsarHarness::start(0).await;
            let topic = topic(&harness).await;
            let quota = format!("namespaces/{}/backlogQuota", harness.namespace());
            let body = format!(r#"{{"limitSize":1,"limit":1,"policy":"{policy}"}}"#);
            harness.admin().done("POST", &quota, &body).await;
            let subscription = format!("{}/subscription/slow", topic.replace("://", "/"));
            harness.admin().done("PUT", &subscription, "").await;
            let (sender, bus) =
                (Sender::of_lane(&topic, 0), harness.connect(harness.config()).await);
            let mut sequence = 0;
            let error = loop {
                sequence += 1;
                if let Err(error) = bus.publish(&sender.messages([sequence])).await {
                    break error;
                }
                harness.admin().unload(&topic).await;
            };
            let outcome = (error.accepted, error.failure);
            assert_eq!(outcome, (0, PublishFailure::TopicUnavailable(None)), "{policy}: {error}");
            let elsewhere = harness.admin().namespace().await;
            let other = harness.admin().topic(&elsewhere, "other", 0).await;
            let others = Sender::of_lane(&other, 1).messages(1..=3);
            bus.publish(&others).await.expect("nobody lags behind there");
            harness.admin().done("DELETE", &quota, "").await;
            while bus.publish(&sender.messages([sequence])).await.is_err() {}
            assert_eq!(numbers(&topic).await, (1..=sequence.unsigned_abs()).collect::<Vec<_>>());
        }
    })
    .await;
}
