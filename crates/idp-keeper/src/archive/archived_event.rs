//! One event of an archive, and the line of JSON that it is.

use idp_application::{Cursor, Error, ErrorKind, Lane, LoggedEvent};
use idp_domain::{Envelope, EventRecord, Metadata, TenantId, Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// An event with the place that it had in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchivedEvent {
    /// Its lane.
    pub lane: Lane,
    /// Its number in the lane.
    pub number: i64,
    /// Its place in the log.
    pub cursor: Cursor,
    /// The event, as it was stored: an encrypted payload is encrypted still.
    pub envelope: Envelope,
}

impl From<ArchivedEvent> for LoggedEvent {
    /// The event as it was read from the log.
    fn from(ArchivedEvent { cursor, envelope, .. }: ArchivedEvent) -> Self {
        Self { cursor, envelope }
    }
}

/// The line, in the order of its members. Archives depend on it: members may be added, none changed.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    lane: i16,
    number: i64,
    window: i64,
    position: i64,
    event_id: Uuid,
    occurred_at: Timestamp,
    #[serde(borrow)]
    tenant_id: Cow<'a, str>,
    #[serde(borrow)]
    aggregate_type: Cow<'a, str>,
    aggregate_id: Uuid,
    aggregate_version: i64,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    schema_id: Cow<'a, str>,
    schema_version: u32,
    /// The text of the payload, byte by byte as it was stored.
    #[serde(borrow)]
    payload: Cow<'a, str>,
    metadata: Cow<'a, Metadata>,
    #[serde(borrow)]
    content_hash: Cow<'a, str>,
}

impl ArchivedEvent {
    /// The line, with its end.
    pub(crate) fn to_line(&self) -> String {
        let Self { lane, number, cursor, envelope } = self;
        let line = Line {
            lane: lane.number(),
            number: *number,
            window: cursor.window,
            position: cursor.position,
            event_id: envelope.event_id,
            occurred_at: envelope.occurred_at,
            tenant_id: envelope.tenant.as_str().into(),
            aggregate_type: (&*envelope.aggregate_type).into(),
            aggregate_id: envelope.aggregate_id,
            aggregate_version: envelope.aggregate_version,
            event_type: (&*envelope.event_type).into(),
            schema_id: (&*envelope.schema_id).into(),
            schema_version: envelope.schema_version,
            payload: envelope.payload.as_str().into(),
            metadata: Cow::Borrowed(&envelope.metadata),
            content_hash: envelope.content_hash().to_string().into(),
        };
        let mut text = serde_json::to_string(&line).expect("texts and numbers serialize to JSON");
        text.push('\n');
        text
    }

    /// The event of a line. Fails with [`Corrupt`](ErrorKind::Corrupt).
    pub(crate) fn from_line(text: &str) -> Result<Self, Error> {
        let corrupt = |e: String| Error::new(ErrorKind::Corrupt, "read a line of the archive", e);
        let line: Line<'_> = serde_json::from_str(text).map_err(|e| corrupt(e.to_string()))?;
        let tenant = TenantId::new(&line.tenant_id).map_err(|e| corrupt(e.to_string()))?;
        let hash = line.content_hash.parse();
        let hash = hash.map_err(|e: idp_domain::ParseContentHashError| corrupt(e.to_string()))?;
        let record = EventRecord {
            event_id: line.event_id,
            occurred_at: line.occurred_at,
            tenant,
            aggregate_type: line.aggregate_type.into_owned().into(),
            aggregate_id: line.aggregate_id,
            aggregate_version: line.aggregate_version,
            event_type: line.event_type.into_owned().into(),
            schema_id: line.schema_id.into_owned().into(),
            schema_version: line.schema_version,
            payload: line.payload.into_owned(),
            metadata: line.metadata.into_owned(),
        };
        Ok(Self {
            lane: Lane::from_number(line.lane),
            number: line.number,
            cursor: Cursor { window: line.window, position: line.position },
            envelope: Envelope::restore(record, hash),
        })
    }
}

#[cfg(test)]
pub(crate) mod sample {
    use super::*;
    use idp_domain::ContentHasher;

    /// The event of that number in the lane; its position is a thousand times the lane higher.
    pub(crate) fn event(lane: i16, number: i64) -> ArchivedEvent {
        let position = i64::from(lane) * 1_000 + number;
        let id = u128::try_from(position).expect("positive");
        let record = EventRecord {
            event_id: Uuid::from_u128(id),
            occurred_at: Timestamp::from_unix_micros(position * 1_000_000),
            tenant: TenantId::new("acme").expect("valid"),
            aggregate_type: "door".into(),
            aggregate_id: Uuid::from_u128(7),
            aggregate_version: number,
            event_type: "door.opened".into(),
            schema_id: "door.opened".into(),
            schema_version: 1,
            payload: r#"{"by":"Ä \"x\"","n":1e3}"#.into(),
            metadata: [("actor".to_owned(), "ann\n".to_owned())].into(),
        };
        let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
        let cursor = Cursor { window: number / 10, position };
        ArchivedEvent { lane: Lane::from_number(lane), number, cursor, envelope }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Archives depend on it: it must never change.
    #[test]
    fn the_line_is_frozen() {
        let line = sample::event(3, 4).to_line();
        let expected = concat!(
            r#"{"lane":3,"number":4,"window":0,"position":3004,"#,
            r#""event_id":"00000000-0000-0000-0000-000000000bbc","#,
            r#""occurred_at":"1970-01-01T00:50:04.000000Z","tenant_id":"acme","#,
            r#""aggregate_type":"door","#,
            r#""aggregate_id":"00000000-0000-0000-0000-000000000007","aggregate_version":4,"#,
            r#""event_type":"door.opened","schema_id":"door.opened","schema_version":1,"#,
            r#""payload":"{\"by\":\"Ä \\\"x\\\"\",\"n\":1e3}","metadata":{"actor":"ann\n"},"#,
            r#""content_hash":"HASH"}"#,
        );
        let hash = sample::event(3, 4).envelope.content_hash().to_string();
        assert_eq!(line, expected.replace("HASH", &hash) + "\n");
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        let event = sample::event(3, 4);
        assert_eq!(ArchivedEvent::from_line(&event.to_line()).expect("it is whole"), event);
        let damaged = event.to_line().replace("acme", "Acme");
        assert_eq!(ArchivedEvent::from_line(&damaged).expect_err("bad").kind(), ErrorKind::Corrupt);
    }
}
