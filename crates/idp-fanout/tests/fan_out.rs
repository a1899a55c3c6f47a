//! What becomes of one bus when another one fails.

use idp_application::{
    CloudEvent, Error, ErrorKind, EventBus, Lane, Message, PublishError, PublishFailure, Stream,
    Track,
};
use idp_domain::{TenantId, Timestamp, Uuid};
use idp_fanout::FanOut;
use idp_memory::{ConsoleBus, MemoryBus};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

fn message(epoch: i64, sequence: i64) -> Message {
    let event = CloudEvent {
        id: Uuid::from_u128(sequence.unsigned_abs().into()),
        source: "/test".into(),
        event_type: "door.opened".into(),
        time: Timestamp::from_unix_micros(0),
        tenant: TenantId::new("acme").expect("valid"),
        aggregate_type: "door".into(),
        aggregate_id: Uuid::nil(),
        aggregate_version: sequence,
        schema_id: "door.opened".into(),
        schema_version: 1,
        content_hash: None,
        metadata: Default::default(),
        content_type: CloudEvent::JSON.into(),
        data: "{}".into(),
    };
    let stream = Stream { target: "test".into(), lane: Lane::from_number(0), track: Track::Main };
    Message { topic: "doors".into(), event, stream: Arc::new(stream), sequence, epoch }
}

fn messages(sequences: RangeInclusive<i64>) -> Vec<Message> {
    sequences.map(|sequence| message(1, sequence)).collect()
}

fn numbers(bus: &MemoryBus) -> Vec<i64> {
    bus.messages().iter().map(|message| message.sequence).collect()
}

fn pair(first: MemoryBus, second: MemoryBus) -> (Arc<MemoryBus>, Arc<MemoryBus>, FanOut) {
    let (first, second) = (Arc::new(first), Arc::new(second));
    let fan_out = FanOut::over([first.clone() as Arc<dyn EventBus>, second.clone()]);
    (first, second, fan_out.expect("there are two"))
}

fn plain_pair() -> (Arc<MemoryBus>, Arc<MemoryBus>, FanOut) {
    pair(MemoryBus::default(), MemoryBus::default())
}

fn failed(outcome: Result<(), PublishError>) -> (usize, PublishFailure) {
    let error = outcome.expect_err("it fails");
    (error.accepted, error.failure)
}

#[test]
fn a_fan_out_over_nothing_is_invalid() {
    let refused: Error = FanOut::over([]).expect_err("it would lose everything");
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.to_string().contains("`buses`"), "{refused}");
}

#[tokio::test]
async fn what_all_have_taken_counts_and_no_bus_gets_again_what_it_has() {
    let (first, second, fan_out) = plain_pair();
    second.fail_next_after(2);
    let outcome = fan_out.publish(&messages(1..=5)).await;
    assert_eq!(failed(outcome), (2, PublishFailure::Unavailable));
    second.fail_next(3);
    for _ in 0..3 {
        let outcome = fan_out.publish(&messages(3..=7)).await;
        assert_eq!(failed(outcome), (0, PublishFailure::Unavailable));
    }
    fan_out.publish(&messages(3..=8)).await.expect("both are there");
    assert_eq!(numbers(&first), (1..=8).collect::<Vec<_>>());
    assert_eq!(numbers(&second), (1..=8).collect::<Vec<_>>());
    assert_eq!(first.attempts(), 3, "once, once for 6 and 7, and once for 8");
}

#[tokio::test]
async fn what_was_taken_by_all_is_published_again_when_it_comes_again() {
    let (first, second, fan_out) = plain_pair();
    for _ in 0..2 {
        fan_out.publish(&messages(1..=2)).await.expect("both are there");
    }
    assert_eq!((numbers(&first), numbers(&second)), (vec![1, 2, 1, 2], vec![1, 2, 1, 2]));
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_hangs_gets_no_other_flooded() {
    let (first, second, fan_out) = plain_pair();
    second.pause();
    for _ in 0..100 {
        let send = timeout(Duration::from_secs(1), fan_out.publish(&messages(1..=5))).await;
        assert!(send.is_err(), "one of them does not answer");
    }
    second.resume();
    fan_out.publish(&messages(1..=5)).await.expect("both answer");
    assert_eq!(numbers(&first), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(&second), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_message_too_large_for_one_reaches_none() {
    let small = MemoryBus::default().with_data_bytes_max(100);
    let (first, second, fan_out) = pair(MemoryBus::default(), small);
    assert_eq!(fan_out.guarantees().data_bytes_max, Some(100));
    let mut batch = messages(1..=5);
    batch[2].event.data = vec![b'x'; 101].into();
    assert_eq!(failed(fan_out.publish(&batch).await), (2, PublishFailure::Refused));
    fan_out.publish(&batch[3..]).await.expect("both take them");
    assert_eq!((numbers(&first), numbers(&second)), (vec![1, 2, 4, 5], vec![1, 2, 4, 5]));
}

#[tokio::test]
async fn every_bus_gets_to_know_of_a_new_epoch() {
    let fencing = || MemoryBus::default().with_fence();
    let (first, second, fan_out) = pair(fencing(), fencing());
    second.fail_next(1);
    let outcome = fan_out.publish(&messages(1..=3)).await;
    assert_eq!(failed(outcome), (0, PublishFailure::Unavailable));
    // The first bus has them, and yet gets them again: they carry the epoch.
    fan_out.publish(&[message(2, 1)]).await.expect("both are there");
    for bus in [&first, &second] {
        let zombie = bus.publish(&messages(4..=4)).await;
        assert_eq!(failed(zombie), (0, PublishFailure::Fenced));
    }
}

#[tokio::test]
async fn a_fence_on_one_bus_is_a_fence() {
    let (first, _second, fan_out) = pair(MemoryBus::default().with_fence(), MemoryBus::default());
    assert!(!fan_out.guarantees().fences_zombies, "the other one takes what zombies send");
    first.publish(&[message(7, 1)]).await.expect("taken over");
    assert_eq!(failed(fan_out.publish(&messages(1..=2)).await), (0, PublishFailure::Fenced));
}

#[test]
fn the_bus_names_its_kind_of_broker_for_metrics_and_traces_where_it_is_one() {
    let memory = || Arc::new(MemoryBus::default()) as Arc<dyn EventBus>;
    let console = || Arc::new(ConsoleBus::to(std::io::sink())) as Arc<dyn EventBus>;
    let system = |buses: [Arc<dyn EventBus>; 2]| FanOut::over(buses).expect("two").system();
    assert_eq!(system([memory(), memory()]), "memory");
    assert_eq!(system([memory(), console()]), "fan_out");
}
