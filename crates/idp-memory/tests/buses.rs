//! The buses: what they record, and how they fail and pause.

use idp_application::{ErrorKind, EventBus, Lane, Message};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use idp_memory::{ConsoleBus, MemoryBus};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn message(number: i64) -> Message {
    let record = EventRecord {
        event_id: Uuid::from_u128(number.unsigned_abs().into()),
        occurred_at: Timestamp::from_unix_micros(1_700_000_000_000_001),
        tenant: TenantId::new("acme").expect("valid"),
        aggregate_type: "door".into(),
        aggregate_id: Uuid::nil(),
        aggregate_version: number + 1,
        event_type: "door.opened".into(),
        schema_id: "door.opened".into(),
        schema_version: 1,
        payload: "{}".into(),
        metadata: Default::default(),
    };
    let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
    Message { envelope, lane: Lane::from_number(3), lane_sequence: number, epoch: 1 }
}

fn numbers(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.lane_sequence).collect()
}

#[tokio::test]
async fn a_message_that_was_published_is_recorded_in_order() {
    let bus = MemoryBus::default();
    bus.publish(&[message(1), message(2)]).await.expect("taken over");
    bus.publish(&[message(3)]).await.expect("taken over");
    assert_eq!(numbers(&bus.messages()), [1, 2, 3]);
    assert_eq!(bus.attempts(), 2);
}

#[tokio::test]
async fn a_bus_fails_as_often_as_it_was_told() {
    let bus = MemoryBus::default();
    bus.fail_next(2);
    bus.fail_next_after(1);
    for accepted in [0, 0, 1] {
        let failed = bus.publish(&[message(1), message(2)]).await.expect_err("told to fail");
        assert_eq!(failed.accepted, accepted);
        assert_eq!(failed.error.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(numbers(&bus.messages()), [1]);
    bus.publish(&[message(2)]).await.expect("taken over");
    assert_eq!(numbers(&bus.messages()), [1, 2]);
    assert_eq!(bus.attempts(), 4);
}

#[tokio::test]
async fn a_test_can_wait_for_messages_that_are_still_to_come() {
    let bus = Arc::new(MemoryBus::default());
    let publisher = bus.clone();
    let published = tokio::spawn(async move {
        for number in 1..=5 {
            publisher.publish(&[message(number)]).await.expect("taken over");
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(numbers(&bus.wait_for(3).await)[..3], [1, 2, 3]);
    bus.wait_for_attempts(5).await;
    published.await.expect("no panic");
    assert_eq!(bus.messages().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_paused_takes_nothing_over_until_it_resumes() {
    let bus = Arc::new(MemoryBus::default());
    bus.pause();
    let publisher = bus.clone();
    let published = tokio::spawn(async move { publisher.publish(&[message(1)]).await });
    bus.wait_until_held().await;
    let early = tokio::time::timeout(Duration::from_secs(60), bus.wait_for(1)).await;
    assert!(early.is_err(), "a message came through the pause");
    bus.resume();
    published.await.expect("no panic").expect("taken over");
    assert_eq!(numbers(&bus.wait_for(1).await), [1]);
}

#[tokio::test]
async fn a_publisher_that_goes_away_during_a_pause_leaves_nothing() {
    let bus = Arc::new(MemoryBus::default());
    bus.pause();
    let publisher = bus.clone();
    let published = tokio::spawn(async move { publisher.publish(&[message(1)]).await });
    bus.wait_until_held().await;
    published.abort();
    assert!(published.await.expect_err("it was aborted").is_cancelled());
    bus.resume();
    bus.publish(&[message(2)]).await.expect("taken over");
    assert_eq!(numbers(&bus.messages()), [2]);
}

/// Keeps what is written; fails beyond its room.
#[derive(Clone)]
struct Paper(Arc<Mutex<Vec<u8>>>, usize);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().expect("nothing panics here");
        if written.len() + bytes.len() > self.1 {
            return Err(io::Error::other("no room"));
        }
        written.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const LINE: &str = "2023-11-14T22:13:20.000001Z acme door.opened \
                    door/00000000-0000-0000-0000-000000000000 v2 #1\n";

#[tokio::test]
async fn a_console_shows_one_line_a_message() {
    let paper = Paper(Arc::default(), 10_000);
    let bus = ConsoleBus::to(paper.clone());
    bus.publish(&[message(1), message(2)]).await.expect("written");
    let text = String::from_utf8(paper.0.lock().expect("nothing panics here").clone());
    let text = text.expect("text");
    assert_eq!(text.lines().count(), 2);
    assert!(text.starts_with(LINE), "{text}");
}

#[tokio::test]
async fn a_console_says_how_many_lines_it_wrote_before_it_failed() {
    let paper = Paper(Arc::default(), LINE.len() * 2);
    let bus = ConsoleBus::to(paper.clone());
    let messages = [message(1), message(2), message(3)];
    let failed = bus.publish(&messages).await.expect_err("there is no room");
    assert_eq!((failed.accepted, failed.error.kind()), (2, ErrorKind::Unavailable));
}
