//! Many streams at once: each arrives whole and in its order, however full the bus is.

use super::arrivals::check;
use super::publisher::Publisher;
use crate::BusHarness;
use crate::clauses::clauses;
use idp_application::EventBus;
use std::sync::Arc;

clauses! {
    macro event_bus_concurrency of event_bus::concurrency;
    many_streams_at_once_arrive_each_in_its_order,
    streams_of_several_handles_arrive_each_in_its_order,
    large_batches_at_once_arrive_each_in_its_order,
}

/// Publishes that many messages of each stream, in calls of so many, all streams at once.
async fn publish_at_once(
    streams: impl IntoIterator<Item = Publisher>,
    messages: i64,
    a_call: usize,
) -> Vec<Publisher> {
    let publishing = streams.into_iter().map(|mut publisher| {
        tokio::spawn(async move {
            for (batch, first) in (1..=messages).step_by(a_call).enumerate() {
                let last = messages.min(first + a_call as i64 - 1);
                // Of one aggregate, and of several.
                let keys = if batch.is_multiple_of(2) { 1 } else { 4 };
                publisher.deliver(&publisher.messages(first..=last, keys)).await;
            }
            publisher
        })
    });
    let publishing: Vec<_> = publishing.collect();
    let mut publishers = Vec::new();
    for publisher in publishing {
        publishers.push(publisher.await.expect("everything is delivered"));
    }
    publishers
}

async fn check_all<H: BusHarness>(harness: &H, topic: &str, publishers: &[Publisher]) {
    check(harness, &publishers.iter().collect::<Vec<_>>()).await;
    let sent: usize = publishers.iter().map(|publisher| publisher.letters().count()).sum();
    assert!(harness.stored(topic).await.len() >= sent, "fewer than the {sent} that were sent");
}

/// 64 streams of 200 messages, in calls of 20.
pub async fn many_streams_at_once_arrive_each_in_its_order<H: BusHarness>(harness: H) {
    let (topic, bus) = (harness.topic("letters").await, harness.bus().await);
    let streams = (0..64).map(|lane| Publisher::of_lane(Arc::clone(&bus), &topic, lane));
    let publishers = publish_at_once(streams, 200, 20).await;
    check_all(&harness, &topic, &publishers).await;
}

/// As of several processes, which share the lanes.
pub async fn streams_of_several_handles_arrive_each_in_its_order<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut handles: Vec<Arc<dyn EventBus>> = Vec::new();
    for _ in 0..3 {
        handles.push(harness.bus().await);
    }
    let handle = |lane: i16| Arc::clone(&handles[usize::from(lane.unsigned_abs()) % handles.len()]);
    let streams = (0..9).map(|lane| Publisher::of_lane(handle(lane), &topic, lane));
    let publishers = publish_at_once(streams, 60, 7).await;
    check_all(&harness, &topic, &publishers).await;
}

/// More at once than any buffer of a client may be expected to hold.
pub async fn large_batches_at_once_arrive_each_in_its_order<H: BusHarness>(harness: H) {
    let (topic, bus) = (harness.topic("letters").await, harness.bus().await);
    let streams = (0..8).map(|lane| Publisher::of_lane(Arc::clone(&bus), &topic, lane));
    let publishers = publish_at_once(streams, 1_000, 1_000).await;
    check_all(&harness, &topic, &publishers).await;
}
