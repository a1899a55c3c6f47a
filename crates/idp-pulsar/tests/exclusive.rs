//! Partitions that the owner of a lane has for itself.

mod support;

use idp_application::{ErrorKind, EventBus, Message, PublishFailure, Track};
use idp_pulsar::{Access, PulsarBus, PulsarConfig};
use std::time::Duration;
use support::bare::{Bare, EXCLUSIVE_WITH_FENCING, SHARED, message_frame};
use support::harness::PulsarHarness;
use support::protobuf::Writer;
use support::reader::{numbers, stored, stored_in};
use support::{Sender, bounded, broker};
use tokio::time::timeout;

const PRODUCER_BUSY: u64 = 16;

async fn with_lanes(lanes: u32) -> (PulsarHarness, String) {
    let harness = PulsarHarness::start(0).await;
    let topic = harness.admin().topic(harness.namespace(), "orders", lanes).await;
    (harness, topic)
}

async fn worker(harness: &PulsarHarness) -> PulsarBus {
    let config = PulsarConfig { access: Access::Exclusive, ..harness.config() };
    let bus = harness.connect(config).await;
    assert!(bus.guarantees().fences_zombies);
    bus
}

async fn is_fenced(bus: &PulsarBus, messages: &[Message]) {
    let error = bus.publish(messages).await.expect_err("a zombie is refused");
    assert_eq!((error.accepted, error.failure), (0, PublishFailure::Fenced), "{error:?}");
}

/// Each time that it tries, whether it was connected or not.
#[tokio::test]
async fn a_zombie_is_fenced() {
    bounded(async {
        let (harness, topic) = with_lanes(2).await;
        let (old, new) = (Sender::of_lane(&topic, 1), Sender::of_lane(&topic, 1).in_epoch(2));
        let (zombie, owner) = (worker(&harness).await, worker(&harness).await);
        zombie.publish(&old.messages(1..=5)).await.expect("it has the lane");
        owner.publish(&new.messages(3..=8)).await.expect("it takes the lane over");
        for _ in 0..3 {
            is_fenced(&zombie, &old.messages(6..=12)).await;
        }
        is_fenced(&worker(&harness).await, &old.messages(9..=9)).await;
        owner.publish(&new.messages(9..=10)).await.expect("it has the lane");
        assert_eq!(numbers(&topic).await, (1..=10).collect::<Vec<_>>());
    })
    .await;
}

/// Behind the first message of the new epoch there is none of the old one.
#[tokio::test]
async fn a_zombie_is_fenced_in_the_middle_of_its_send() {
    bounded(async {
        let (harness, topic) = with_lanes(1).await;
        let mut first = 1;
        for round in 1..=5 {
            let old = Sender::of_lane(&topic, 0).in_epoch(round);
            let new = Sender::of_lane(&topic, 0).in_epoch(round + 1);
            let (zombie, owner) = (worker(&harness).await, worker(&harness).await);
            zombie.publish(&old.messages([first])).await.expect("it has the lane");
            let late = old.messages(first + 1..first + 2_000);
            let all = new.messages(first + 1..first + 2_000);
            let (sent, ()) = tokio::join!(zombie.publish(&late), async {
                owner.publish(&all).await.expect("it takes the lane over");
            });
            if let Err(error) = sent {
                assert_eq!(error.failure, PublishFailure::Fenced, "{error:?}");
            }
            first += 2_000;
        }
        let stored = stored(&topic).await;
        assert_eq!(
            stored.iter().map(|one| one.sequence).collect::<Vec<_>>(),
            (1..first.unsigned_abs()).collect::<Vec<_>>()
        );
        let epochs = stored.iter().map(|one| one.properties["ce_epoch"].parse::<i64>());
        assert!(epochs.map(|epoch| epoch.expect("a number")).is_sorted());
    })
    .await;
}

/// It began before the lane was taken over, and its calls were given up.
#[tokio::test]
async fn an_opening_of_an_older_epoch_that_ends_late_shuts_nobody_out() {
    bounded(async {
        let (harness, topic) = with_lanes(1).await;
        let (old, new) = (Sender::of_lane(&topic, 0), Sender::of_lane(&topic, 0).in_epoch(2));
        let direct = format!("pulsar://{}", broker());
        let config = PulsarConfig { service_url: direct, ..harness.config() };
        let owner = harness.connect(PulsarConfig { access: Access::Exclusive, ..config }).await;
        let zombie = worker(&harness).await;
        harness.proxy.slow_down(Duration::from_millis(200));
        let late = old.messages([1]);
        for _ in 0..2 {
            let given_up = timeout(Duration::from_millis(50), zombie.publish(&late));
            assert!(given_up.await.is_err(), "no answer came that fast");
        }
        let mut last = 0;
        let mut owning = async || {
            last += 1;
            owner.publish(&new.messages([last])).await.expect("it has the lane");
        };
        owning().await;
        let mut fenced = Box::pin(is_fenced(&zombie, &late));
        let mut is_over = false;
        while !is_over {
            owning().await;
            is_over = timeout(Duration::from_millis(5), &mut fenced).await.is_ok();
        }
        owning().await;
        assert_eq!(numbers(&topic).await, (1..=last.unsigned_abs()).collect::<Vec<_>>());
        let epochs = stored(&topic).await;
        assert!(epochs.iter().all(|one| one.properties["ce_epoch"].parse() == Ok(2)));
    })
    .await;
}

/// By the same handle, while the opening of the older one goes on.
#[tokio::test]
async fn an_opening_of_an_older_epoch_is_ended_before_a_newer_one_begins() {
    bounded(async {
        let (harness, topic) = with_lanes(1).await;
        let bus = worker(&harness).await;
        harness.proxy.slow_down(Duration::from_millis(100));
        for epoch in 1..=6 {
            let sender = Sender::of_lane(&topic, 0).in_epoch(epoch);
            let time = Duration::from_millis(60 * epoch.unsigned_abs());
            let _ = timeout(time, bus.publish(&sender.messages([1]))).await;
        }
        let last = Sender::of_lane(&topic, 0).in_epoch(7);
        bus.publish(&last.messages(1..=7)).await.expect("it has the lane");
        assert_eq!(numbers(&topic).await, (1..=7).collect::<Vec<_>>());
    })
    .await;
}

/// In the same process, under the same epoch.
#[tokio::test]
async fn the_tracks_of_a_lane_take_turns() {
    bounded(async {
        let (harness, topic) = with_lanes(1).await;
        let (bus, main) = (worker(&harness).await, Sender::of_lane(&topic, 0));
        let side = main.on_track(Track::Side);
        for first in [1, 11, 21] {
            let (one, other) = (main.messages(first..first + 10), side.messages(first..first + 10));
            let (one, other) = tokio::join!(bus.publish(&one), bus.publish(&other));
            one.and(other).expect("both are stored");
        }
        let mut sorted = numbers(&topic).await;
        sorted.sort_unstable();
        assert_eq!(sorted, (1..=30).flat_map(|number| [number, number]).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn the_lane_is_the_partition_and_each_has_its_epochs() {
    bounded(async {
        let (harness, topic) = with_lanes(3).await;
        let bus = worker(&harness).await;
        for lane in [2, 0, 1] {
            let sender = Sender::of_lane(&topic, lane).in_epoch(i64::from(10 - lane));
            bus.publish(&sender.messages(1..=3)).await.expect("stored");
            let partition = stored_in(&format!("{topic}-partition-{lane}")).await;
            assert_eq!(partition.len(), 3);
        }
    })
    .await;
}

/// Which would make two lanes fence each other.
#[tokio::test]
async fn a_lane_without_a_partition_is_told_so() {
    bounded(async {
        let (harness, topic) = with_lanes(2).await;
        let messages = Sender::of_lane(&topic, 2).messages([1]);
        let error = worker(&harness).await.publish(&messages).await.expect_err("no partition");
        assert_eq!((error.accepted, error.failure), (0, PublishFailure::Unavailable));
        assert_eq!(error.error.kind(), ErrorKind::Unsupported);
        assert!(error.error.message().contains("has 2, none for lane 2"), "{error}");
        assert!(stored(&topic).await.is_empty());
    })
    .await;
}

/// Why access is shared unless asked otherwise: the broker's exclusive access is for one producer a
/// partition, not for one a name.
#[tokio::test]
async fn exclusive_access_shuts_out_producers_of_other_names() {
    bounded(async {
        let (_harness, topic) = with_lanes(0).await;
        let (mut one, mut other) = (Bare::connect(&broker()).await, Bare::connect(&broker()).await);
        let opened = one.produce(&topic, "lane 1", EXCLUSIVE_WITH_FENCING, Some(1)).await;
        assert_eq!(opened, Ok(-1));
        assert_eq!(other.produce(&topic, "lane 2", SHARED, None).await, Err(PRODUCER_BUSY));
        let opened = other.produce(&topic, "lane 2", EXCLUSIVE_WITH_FENCING, Some(1)).await;
        assert_eq!(opened, Ok(-1));
        one.write(&message_frame(1, &Writer::default().bytes(1, "lane 1").number(2, 1), b"late"))
            .await;
        assert!(one.next().await.is_none(), "cut off");
        assert!(stored(&topic).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_bus_names_its_kind_of_broker_for_metrics_and_traces() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        assert_eq!(worker(&harness).await.system(), "pulsar");
    })
    .await;
}
