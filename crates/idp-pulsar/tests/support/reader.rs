//! What a topic holds, read by the bare client.

use super::admin::Admin;
use super::bare::{Bare, FLOW, LAST_ID, LAST_ID_RESPONSE, MESSAGE, SUBSCRIBE};
use super::protobuf::{Fields, Writer};
use super::{broker, unique};
use idp_conformance::Received;
use std::collections::BTreeMap;

/// A message as the broker keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) producer: String,
    pub(crate) sequence: u64,
    pub(crate) key: Option<String>,
    pub(crate) event_time: Option<u64>,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) data: Vec<u8>,
}

impl Stored {
    pub(crate) fn received(self) -> Received {
        let mut properties = self.properties;
        let content_type = properties.remove("content-type").expect("a media type");
        let attribute = |(name, value): (String, String)| {
            (name.strip_prefix("ce_").expect("no other properties").to_owned(), value)
        };
        let attributes = properties.into_iter().map(attribute).collect();
        Received { attributes, content_type, data: self.data }
    }
}

/// Everything that the topic holds, one partition after the other.
pub(crate) async fn stored(topic: &str) -> Vec<Stored> {
    let partitions = Admin::new().partitions(topic).await;
    let mut stored = Vec::new();
    for partition in 0..partitions {
        stored.extend(stored_in(&format!("{topic}-partition-{partition}")).await);
    }
    match partitions {
        0 => stored_in(topic).await,
        _ => stored,
    }
}

/// The numbers of what the topic holds.
pub(crate) async fn numbers(topic: &str) -> Vec<u64> {
    stored(topic).await.iter().map(|stored| stored.sequence).collect()
}

/// Everything that a topic holds that is not partitioned.
pub(crate) async fn stored_in(topic: &str) -> Vec<Stored> {
    stored_at(&broker(), topic).await
}

/// The same at that broker.
pub(crate) async fn stored_at(broker: &str, topic: &str) -> Vec<Stored> {
    let mut bare = Bare::connect(broker).await;
    bare.look_up(topic).await;
    let start = Writer::default().number(1, u64::MAX).number(2, u64::MAX);
    let subscribe = Writer::default().bytes(1, topic).bytes(2, unique("reader")).number(3, 0);
    let subscribe = subscribe.number(4, 1).number(5, 3).number(8, 0).bytes(9, start.0);
    bare.command(SUBSCRIBE, subscribe.number(13, 1)).await;
    bare.answer(13).await;
    bare.command(LAST_ID, Writer::default().number(1, 1).number(2, 4)).await;
    let last = loop {
        let frame = bare.next().await.expect("the broker is there");
        if frame.kind == LAST_ID_RESPONSE {
            break position(&frame.command.message(1).expect("a position"));
        }
    };
    let mut stored = Vec::new();
    if last.1 < 0 {
        return stored;
    }
    bare.command(FLOW, Writer::default().number(1, 1).number(2, 1_000_000)).await;
    loop {
        let frame = bare.next().await.expect("the broker is there");
        if frame.kind == MESSAGE {
            stored.push(read(&frame.rest));
            if position(&frame.command.message(2).expect("a position")) >= last {
                return stored;
            }
        }
    }
}

fn position(id: &Fields) -> (i64, i64) {
    let part = |tag| id.number(tag).expect("a part of a position").cast_signed();
    (part(1), part(2))
}

/// Behind a command: two bytes of magic and four of checksum, if there is one; four of size,
/// metadata, data.
fn read(rest: &[u8]) -> Stored {
    let rest = if rest.starts_with(&[0x0e, 0x01]) { &rest[6..] } else { rest };
    let size = u32::from_be_bytes(rest[..4].try_into().expect("four bytes")) as usize;
    let (metadata, data) = rest[4..].split_at(size);
    let metadata = Fields::read(metadata);
    assert_eq!(metadata.number(11), None, "no batches");
    let property = |bytes: &[u8]| {
        let fields = Fields::read(bytes);
        (fields.text(1).expect("a name"), fields.text(2).expect("a value"))
    };
    Stored {
        producer: metadata.text(1).expect("a name"),
        sequence: metadata.number(2).expect("a number"),
        key: metadata.text(6),
        event_time: metadata.number(12),
        properties: metadata.every(4).map(property).collect(),
        data: data.to_vec(),
    }
}
