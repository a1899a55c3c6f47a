//! Small messages.

use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use std::sync::Arc;

/// So many messages, of so many aggregates in turn.
pub(crate) fn letters(topic: &str, messages: usize, aggregates: usize) -> Vec<Message> {
    let (topic, source): (Arc<str>, Arc<str>) = (topic.into(), "/throughput".into());
    let stream =
        Stream { target: "throughput".into(), lane: Lane::from_number(0), track: Track::Main };
    let stream = Arc::new(stream);
    let letter = |number: usize| Message {
        topic: Arc::clone(&topic),
        event: CloudEvent::of(envelope(number, number % aggregates), Arc::clone(&source)),
        stream: Arc::clone(&stream),
        sequence: number as i64 + 1,
        epoch: 1,
    };
    (0..messages).map(letter).collect()
}

fn envelope(number: usize, aggregate: usize) -> Envelope {
    let record = EventRecord {
        event_id: Uuid::from_u128(number as u128 + 1),
        occurred_at: Timestamp::from_unix_micros(1_700_000_000_000_000),
        tenant: TenantId::new("acme").expect("valid"),
        aggregate_type: "letter".into(),
        aggregate_id: Uuid::from_u128(aggregate as u128 + 1),
        aggregate_version: number as i64 + 1,
        event_type: "letter.written".into(),
        schema_id: "letter.written".into(),
        schema_version: 1,
        payload: format!("{{\"number\":{number},\"to\":\"Zoë\",\"text\":\"see you tomorrow\"}}"),
        metadata: [("actor".to_owned(), "ann".to_owned())].into(),
    };
    Envelope::seal(record, &ContentHasher::Plain).expect("canonical")
}

/// Bytes of the length that the messages have in a stream, one section of data each.
pub(crate) fn bodies(letters: &[Message]) -> Vec<Vec<u8>> {
    let body = |letter: &Message| {
        let attributes = letter.attributes();
        let bytes = attributes.iter().map(|(name, value)| 16 + name.len() + value.len());
        let length = 70 + bytes.sum::<usize>() + letter.event.data.len();
        let mut body = vec![0x00, 0x53, 0x75, 0xb0];
        body.extend((length as u32).to_be_bytes());
        body.resize(8 + length, b'x');
        body
    };
    letters.iter().map(body).collect()
}
