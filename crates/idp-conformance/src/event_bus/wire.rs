//! Events are CloudEvents when they arrive, with what they had when they left.

use super::arrivals::as_received;
use super::publisher::Publisher;
use crate::BusHarness;
use crate::clauses::clauses;
use crate::harness::skip;
use idp_application::{Message, PublishFailure};
use idp_domain::EventRecord;

clauses! {
    macro event_bus_wire of event_bus::wire;
    attributes_data_and_content_type_arrive_unchanged,
    text_of_any_script_arrives_unchanged,
    control_characters_arrive_unchanged_or_are_refused,
    data_of_any_bytes_arrives_unchanged,
    data_of_the_declared_size_is_taken,
}

/// Data of more bytes than this is too much for a test.
const DATA_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a parser of headers, properties or URLs might take for its own.
const TEXTS: [&str; 14] = [
    "Zoë Müller",
    "日本語",
    "😀 \u{10fffd}",
    "e\u{301}\u{200d}\u{feff}",
    "100% \"sure\"",
    "%41%20%",
    " spaces around ",
    "'single' \\ back",
    "a+b&c=d;e,f:g?h#i/j",
    "=?utf-8?q?=41?=",
    "{\"json\":[1,null]}",
    "<xml attribute='&amp;'/>",
    "$1 ${name} {{name}} `name`",
    "ce-type: forged",
];

/// Publishes one message and compares what is stored with it, epoch and all.
async fn arrives<H: BusHarness>(harness: &H, publisher: &mut Publisher, message: Message) {
    let before = harness.stored(&message.topic).await.len();
    publisher.publish_all(std::slice::from_ref(&message)).await;
    let stored = harness.stored(&message.topic).await;
    assert_eq!(stored.len(), before + 1, "one message more");
    assert_eq!(stored[before], as_received(&message));
}

/// With all metadata that the framework itself writes.
pub async fn attributes_data_and_content_type_arrive_unchanged<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 3);
    let message = publisher.message(0, 7);
    arrives(&harness, &mut publisher, message).await;
    let mut message = publisher.message(0, 1_234_567_890_123);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    message.event.metadata = [
        (EventRecord::ACTOR, "ann"),
        (EventRecord::TRACE_PARENT, trace),
        (EventRecord::TRACE_STATE, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"),
        (EventRecord::CORRELATION_ID, "018f3b1e-8c1b-7cc0-9d9e-3f6d0a6f0c11"),
        (EventRecord::CAUSATION_ID, "018f3b1e-8c1b-7cc0-9d9e-3f6d0a6f0c12"),
        (EventRecord::LEGAL_BASIS, "contract"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    message.event.content_type = "application/json; charset=utf-8".into();
    let long = "x".repeat(2_000);
    message.event.metadata.insert("remark".into(), long);
    arrives(&harness, &mut publisher, message).await;
}

/// In attributes and in the data.
pub async fn text_of_any_script_arrives_unchanged<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    for (text, sequence) in TEXTS.into_iter().zip(1..) {
        let mut message = publisher.message(0, sequence);
        message.event.event_type = text.into();
        message.event.metadata.insert("remark".into(), text.into());
        let json = text.replace('\\', "\\\\").replace('"', "\\\"");
        message.event.data = format!("{{\"text\":\"{json}\"}}").into();
        arrives(&harness, &mut publisher, message).await;
    }
}

/// CloudEvents forbid them in attributes. They must not become attributes of their own.
pub async fn control_characters_arrive_unchanged_or_are_refused<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    let texts = ["a\r\nce-type: forged\r\n\r\nbody", "a\tb", "\u{1b}[31m\u{7f}\u{85}"];
    let mut arrived = Vec::new();
    for (text, sequence) in texts.into_iter().zip(1..) {
        let mut message = publisher.message(0, sequence);
        message.event.metadata.insert("remark".into(), text.into());
        match publisher.publish(std::slice::from_ref(&message)).await {
            Ok(()) => arrived.push(as_received(&message)),
            Err(error) => {
                assert_eq!((error.failure, error.accepted), (PublishFailure::Refused, 0));
            }
        }
    }
    assert_eq!(harness.stored(&topic).await, arrived);
}

/// None, every one, and many.
pub async fn data_of_any_bytes_arrives_unchanged<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    let every: Vec<u8> = (0..=u8::MAX).collect();
    let size_max = publisher.bus().guarantees().data_bytes_max.unwrap_or(usize::MAX);
    let many = every.repeat(200)[..size_max.min(51_200)].to_vec();
    for (data, sequence) in [Vec::new(), every, many].into_iter().zip(1..) {
        let mut message = publisher.message(0, sequence);
        message.event.content_type = "application/octet-stream".into();
        message.event.content_hash = None;
        message.event.data = data.into();
        arrives(&harness, &mut publisher, message).await;
    }
}

/// Where a size is declared.
pub async fn data_of_the_declared_size_is_taken<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    let declared = publisher.bus().guarantees().data_bytes_max;
    let Some(size) = declared.filter(|size| *size <= DATA_BYTES_MAX) else {
        return skip(&format!("{declared:?} bytes of data are declared as the most"));
    };
    let mut message = publisher.message(0, 1);
    message.event.content_type = "application/octet-stream".into();
    message.event.content_hash = None;
    // Not to be compressed to less.
    let bytes = (0..size as u64).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0]);
    message.event.data = bytes.collect::<Vec<_>>().into();
    arrives(&harness, &mut publisher, message).await;
}
