//! A message from a row, by hand: every column that a message has, none twice.

use crate::BoxError;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{ContentHash, Metadata, TenantId, Timestamp};
use std::sync::Arc;
use tokio_postgres::Row;
use uuid::Uuid;

/// The columns, in the order in which [`MessagesByHand::message`] expects them.
pub(crate) const COLUMNS: &str = "position, lane, id, tenant_id, aggregatetype, aggregateid, \
    aggregate_version, type, schema_id, schema_version, payload::text, metadata::text, \
    content_hash, occurred_at";

/// The columns of a row.
pub(crate) struct Columns {
    pub(crate) position: i64,
    pub(crate) lane: i16,
    pub(crate) id: Uuid,
    pub(crate) tenant: TenantId,
    pub(crate) aggregate_type: String,
    pub(crate) aggregate_id: Uuid,
    pub(crate) aggregate_version: i64,
    pub(crate) event_type: String,
    pub(crate) schema_id: String,
    pub(crate) schema_version: i32,
    pub(crate) payload: String,
    pub(crate) metadata: Metadata,
    pub(crate) content_hash: ContentHash,
    pub(crate) micros: i64,
}

impl Columns {
    pub(crate) fn of(row: &Row) -> Result<Self, BoxError> {
        Ok(Self {
            position: row.try_get(0)?,
            lane: row.try_get(1)?,
            id: row.try_get(2)?,
            tenant: TenantId::new(row.try_get(3)?)?,
            aggregate_type: row.try_get(4)?,
            aggregate_id: row.try_get(5)?,
            aggregate_version: row.try_get(6)?,
            event_type: row.try_get(7)?,
            schema_id: row.try_get(8)?,
            schema_version: row.try_get(9)?,
            payload: row.try_get(10)?,
            metadata: serde_json::from_str(row.try_get(11)?)?,
            content_hash: row.try_get::<_, &str>(12)?.parse()?,
            micros: row.try_get::<_, DateTime<Utc>>(13)?.timestamp_micros(),
        })
    }
}

/// Makes messages. What is the same in all of them is made once.
pub(crate) struct MessagesByHand {
    topic: Arc<str>,
    source: Arc<str>,
    target: Arc<str>,
    /// One a lane, made when it is met.
    streams: Vec<Option<Arc<Stream>>>,
}

impl Default for MessagesByHand {
    fn default() -> Self {
        let (topic, source, target) = ("parcel".into(), "/".into(), "bench".into());
        Self { topic, source, target, streams: Vec::new() }
    }
}

impl MessagesByHand {
    /// All columns are read and made into the values that a bus gets.
    pub(crate) fn message(&mut self, columns: Columns) -> Result<Message, BoxError> {
        let event = CloudEvent {
            id: columns.id,
            source: Arc::clone(&self.source),
            event_type: columns.event_type.into(),
            time: Timestamp::from_unix_micros(columns.micros),
            tenant: columns.tenant,
            aggregate_type: columns.aggregate_type.into(),
            aggregate_id: columns.aggregate_id,
            aggregate_version: columns.aggregate_version,
            schema_id: columns.schema_id.into(),
            schema_version: u32::try_from(columns.schema_version)?,
            content_hash: Some(columns.content_hash),
            metadata: columns.metadata,
            content_type: CloudEvent::JSON.into(),
            data: Bytes::from(columns.payload),
        };
        let (topic, stream) = (Arc::clone(&self.topic), self.stream(columns.lane)?);
        Ok(Message { topic, event, stream, sequence: columns.position, epoch: 1 })
    }

    fn stream(&mut self, number: i16) -> Result<Arc<Stream>, BoxError> {
        let at = usize::try_from(number)?;
        if self.streams.len() <= at {
            self.streams.resize(at + 1, None);
        }
        let (target, lane) = (&self.target, Lane::from_number(number));
        let stream = || Arc::new(Stream { target: Arc::clone(target), lane, track: Track::Main });
        Ok(Arc::clone(self.streams[at].get_or_insert_with(stream)))
    }
}
