//! The buses: what they record, and how they fail and pause.

use idp_application::{
    CloudEvent, ErrorKind, EventBus, Lane, Message, PublishFailure, Stream, Track,
};
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
    let stream = Stream { target: "test".into(), lane: Lane::from_number(3), track: Track::Main };
    Message {
        topic: "doors".into(),
        event: CloudEvent::of(envelope, "/test".into()),
        stream: Arc::new(stream),
        sequence: number,
        epoch: 1,
    }
}

fn numbers(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.sequence).collect()
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

#[tokio::test]
async fn a_bus_can_be_cut_off_before_it_has_all_and_before_it_says_so() {
    let bus = MemoryBus::default();
    let batch = [message(1), message(2), message(3)];
    bus.cut_after(2);
    assert!(!bus.is_cut());
    let failed = bus.publish(&batch).await.expect_err("it is cut off");
    assert_eq!((failed.accepted, numbers(&bus.messages())), (2, vec![1, 2]));
    assert!(bus.is_cut());
    let failed = bus.publish(&batch).await.expect_err("it is cut off still");
    assert_eq!((failed.accepted, failed.error.kind()), (0, ErrorKind::Unavailable));
    bus.cut_after_answers(1);
    let failed = bus.publish(&batch).await.expect_err("it is cut off");
    assert_eq!((failed.accepted, numbers(&bus.messages())), (1, vec![1, 2, 1, 2, 3]));
    bus.restore();
    bus.publish(&[message(4)]).await.expect("taken over");
    assert_eq!(bus.messages().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_cut_off_holds_nobody() {
    let bus = Arc::new(MemoryBus::default());
    bus.pause();
    let publisher = bus.clone();
    let published = tokio::spawn(async move { publisher.publish(&[message(1)]).await });
    bus.wait_until_held().await;
    bus.cut();
    let ended = tokio::time::timeout(Duration::from_secs(60), published).await;
    ended.expect("it goes on").expect("no panic").expect_err("it is cut off");
    assert!(bus.messages().is_empty());
}

#[tokio::test]
async fn a_bus_knows_the_topics_that_it_was_told_of() {
    let bus = MemoryBus::default().with_topics(["windows"]);
    let failed = bus.publish(&[message(1)]).await.expect_err("there are no doors");
    assert_eq!((failed.accepted, failed.failure), (0, PublishFailure::Refused));
    bus.add_topic("doors");
    bus.publish(&[message(1)]).await.expect("taken over");
    assert_eq!(numbers(&bus.messages()), [1]);
}

#[tokio::test]
async fn a_full_topic_takes_nothing_until_it_has_room_and_holds_up_no_other() {
    let bus = MemoryBus::default().with_stored_once();
    bus.publish(&[message(1)]).await.expect("taken over");
    bus.fill("doors");
    let failed = bus.publish(&[message(1), message(2)]).await.expect_err("it is full");
    let outcome = (failed.accepted, failed.failure);
    assert_eq!(outcome, (1, PublishFailure::TopicUnavailable(None)), "the first is there already");
    let other = Message { topic: "windows".into(), ..message(3) };
    bus.publish(&[other]).await.expect("windows are not full");
    bus.drain("doors");
    bus.publish(&[message(4)]).await.expect("taken over");
    assert_eq!(numbers(&bus.messages()), [1, 3, 4]);
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

#[tokio::test]
async fn a_console_can_write_whole_events_one_a_line() {
    let paper = Paper(Arc::default(), 10_000);
    let bus = ConsoleBus::to(paper.clone()).with_json_lines();
    let mut spread = message(2);
    spread.event.data = "{\r\n  \"open\": true\n}".into();
    spread.event.metadata.insert("To-Pic".into(), "forged".into());
    let mut no_json = message(3);
    no_json.event.data = "open".into();
    bus.publish(&[message(1), spread, no_json]).await.expect("written");
    let text = String::from_utf8(paper.0.lock().expect("nothing panics here").clone());
    let text = text.expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let has = |line: &str, member: &str| assert!(line.contains(member), "{member} in {line}");
    for member in ["\"specversion\":\"1.0\"", "\"topic\":\"doors\"", "\"data\":{}"] {
        has(lines[0], member);
    }
    has(lines[1], "\"data\":{    \"open\": true }");
    assert!(!lines[1].contains("forged"), "the topic stands once: {}", lines[1]);
    has(lines[2], "\"data_base64\":\"b3Blbg==\"");
}

#[test]
fn the_buses_name_themselves_for_metrics_and_traces() {
    assert_eq!(MemoryBus::default().system(), "memory");
    assert_eq!(ConsoleBus::to(io::sink()).system(), "console");
}
