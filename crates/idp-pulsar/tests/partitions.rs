//! What becomes of events that wait to be sent while their topic gets more partitions.

mod support;

use idp_application::{EventBus, Message};
use idp_pulsar::PulsarConfig;
use std::time::Duration;
use support::bare::{Bare, SHARED};
use support::harness::PulsarHarness;
use support::reader::{stored, stored_in};
use support::{PATIENCE, Sender, bounded, broker};
use tokio::time::timeout;

/// Longer than the test.
const LONG: Duration = Duration::from_secs(3_600);
/// By what the clock is put forward.
const OVER_A_MINUTE: Duration = Duration::from_secs(61);

/// Where Java's producers put a message among so many partitions.
fn place(message: &Message, partitions: u32) -> u32 {
    let step = |hash: u32, unit: u16| hash.wrapping_mul(31).wrapping_add(u32::from(unit));
    let hash = message.event.partition_key().encode_utf16().fold(0, step);
    (hash & 0x7fff_ffff) % partitions
}

/// A message of that number about some aggregate whose place is the one of two partitions, and then the
/// other of three.
fn moving(sender: &Sender, sequence: i64, of_two: u32, of_three: u32) -> Message {
    let messages = (1..).map(|aggregate| sender.message(aggregate, sequence));
    let mut moving = messages.filter(|m| (place(m, 2), place(m, 3)) == (of_two, of_three));
    moving.next().expect("one of six")
}

async fn three_instead_of_two(harness: &PulsarHarness, topic: &str) {
    let at = format!("{}/partitions", topic.replace("://", "/"));
    harness.admin().done("POST", &at, "3").await;
    assert_eq!(harness.admin().partitions(topic).await, 3);
}

/// Of two that are under way one is not stored, and the other is, where the first one goes next: under
/// the same name it would be taken for known there. The price is that the other is stored again.
#[tokio::test]
async fn an_event_that_waits_while_partitions_are_added_is_not_lost_where_it_goes_then() {
    bounded(async {
        let harness = PulsarHarness::start(2).await;
        let topic = harness.admin().topic(harness.namespace(), "orders", 2).await;
        let sender = Sender::of_lane(&topic, 0);
        let known = [moving(&sender, 1, 0, 0), moving(&sender, 2, 1, 1)];
        let waiting = [moving(&sender, 3, 0, 1), moving(&sender, 4, 1, 1)];
        let config = PulsarConfig { patience: Duration::ZERO, ..harness.config() };
        let bus = harness.connect(config).await;
        bus.publish(&known).await.expect("stored");
        harness.proxy.corrupt(b"{\"number\":3}");
        let error = bus.publish(&waiting).await.expect_err("one is damaged on its way");
        assert_eq!(error.accepted, 0, "{error}");
        drop(bus);
        three_instead_of_two(&harness, &topic).await;
        let bus = harness.connect(harness.config()).await;
        bus.publish(&waiting).await.expect("stored");
        let stored = stored(&topic).await;
        let times = |number| stored.iter().filter(|stored| stored.sequence == number).count();
        assert_eq!((times(3), times(4)), (1, 2), "{stored:?}");
    })
    .await;
}

/// It knows for a minute how many there are.
#[tokio::test]
async fn a_handle_that_learns_of_more_partitions_closes_what_leads_to_the_old_ones_and_goes_on() {
    let test = async {
        let harness = PulsarHarness::start(2).await;
        let topic = harness.admin().topic(harness.namespace(), "orders", 2).await;
        let sender = Sender::of_lane(&topic, 0);
        let (idle_timeout, keep_alive) = (LONG, LONG);
        let bus =
            harness.connect(PulsarConfig { idle_timeout, keep_alive, ..harness.config() }).await;
        bus.publish(&[moving(&sender, 1, 0, 0), moving(&sender, 2, 1, 2)]).await.expect("stored");
        three_instead_of_two(&harness, &topic).await;
        bus.publish(&[moving(&sender, 3, 0, 1)]).await.expect("stored where it was known");
        tokio::time::pause();
        tokio::time::advance(OVER_A_MINUTE).await;
        tokio::time::resume();
        bus.publish(&[moving(&sender, 4, 0, 1), moving(&sender, 5, 1, 2)]).await.expect("stored");
        let mut found = Vec::new();
        for partition in 0..3 {
            let stored = stored_in(&format!("{topic}-partition-{partition}")).await;
            found.push(stored.into_iter().map(|s| (s.sequence, s.producer)).collect::<Vec<_>>());
        }
        let of = |number, partitions| (number, format!("shop/orders/0/of/{partitions}"));
        assert_eq!(found, [vec![of(1, 2), of(3, 2)], vec![of(2, 2), of(4, 3)], vec![of(5, 3)]]);
        let mut bare = Bare::connect(&broker()).await;
        let (partition, name) = (format!("{topic}-partition-0"), "shop/orders/0/of/2");
        assert_eq!(bare.produce(&partition, name, SHARED, None).await, Ok(3), "it is left");
        drop(bus);
    };
    timeout(PATIENCE + OVER_A_MINUTE, test).await.expect("the test ends in time");
}
