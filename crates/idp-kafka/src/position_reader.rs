//! Reads the last committed position of a stream.

use crate::KafkaConfig;
use crate::client::{self, Consumer};
use crate::deadline::Deadline;
use crate::error::{code_of, unavailable};
use crate::position::Position;
use idp_application::PublishError;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::ops::Range;
use std::time::Duration;

/// How many records at the end are read first. An active stream is found among them.
const FIRST_WINDOW: i64 = 512;
/// Two clients: one sees what is committed, the other where the partition ends.
pub(crate) struct PositionReader {
    topic: String,
    committed: Consumer,
    ends: Consumer,
}

impl PositionReader {
    pub(crate) fn new(config: &KafkaConfig) -> Result<Self, PublishError> {
        let make = || {
            let topic = config.positions_topic.clone();
            let committed = client::committed_reader(config)?;
            Ok(Self { topic, committed, ends: client::end_reader(config)? })
        };
        make().map_err(|e| unavailable("make a reader of positions", e))
    }

    /// Where the partition ends now, what is not committed yet included.
    pub(crate) fn end(&self, partition: i32, deadline: Deadline) -> Result<i64, PublishError> {
        self.bounds(&self.ends, partition, deadline).map(|(_, end)| end)
    }

    /// The last position of the key, if everything before that end is committed or aborted: `None` within if
    /// there is none. `None` while a transaction there is under way.
    pub(crate) fn read_settled(
        &self,
        partition: i32,
        end: i64,
        key: &str,
        deadline: Deadline,
    ) -> Result<Option<Option<Position>>, PublishError> {
        let (least, settled) = self.bounds(&self.committed, partition, deadline)?;
        if settled < end {
            return Ok(None);
        }
        self.read(partition, least..end, key, deadline).map(Some)
    }

    /// The last position of the key as far as it can be seen now.
    pub(crate) fn read_visible(
        &self,
        partition: i32,
        key: &str,
        deadline: Deadline,
    ) -> Result<Option<Position>, PublishError> {
        let (least, settled) = self.bounds(&self.committed, partition, deadline)?;
        self.read(partition, least..settled, key, deadline)
    }

    fn bounds(
        &self,
        client: &Consumer,
        partition: i32,
        deadline: Deadline,
    ) -> Result<(i64, i64), PublishError> {
        loop {
            match client.fetch_watermarks(&self.topic, partition, deadline.remaining()) {
                Ok(bounds) => return Ok(bounds),
                Err(error) if is_moving(code_of(&error)) && !deadline.has_passed() => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(unavailable("find the end of the positions", error)),
            }
        }
    }

    /// From the end backwards, in parts that grow.
    fn read(
        &self,
        partition: i32,
        range: Range<i64>,
        key: &str,
        deadline: Deadline,
    ) -> Result<Option<Position>, PublishError> {
        let mut window = FIRST_WINDOW;
        let mut until = range.end;
        while until > range.start {
            let from = (until - window).max(range.start);
            let found = self.scan(partition, from..until, key, deadline)?;
            if found.is_some() {
                return Ok(found);
            }
            (until, window) = (from, window * 8);
        }
        Ok(None)
    }

    /// The last position of the key in that part of the partition.
    fn scan(
        &self,
        partition: i32,
        range: Range<i64>,
        key: &str,
        deadline: Deadline,
    ) -> Result<Option<Position>, PublishError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, partition, Offset::Offset(range.start))
            .and_then(|()| self.committed.assign(&list))
            .map_err(|e| unavailable("read the positions", e))?;
        let found = self.scan_assigned(range.end, key, deadline);
        let released = self.committed.unassign();
        let found = found?;
        released.map_err(|e| unavailable("read the positions", e))?;
        Ok(found)
    }

    fn scan_assigned(
        &self,
        end: i64,
        key: &str,
        deadline: Deadline,
    ) -> Result<Option<Position>, PublishError> {
        let mut found = None;
        loop {
            match self.committed.poll(deadline.at_most(Duration::from_millis(100))) {
                Some(Ok(record)) if record.offset() >= end => return Ok(found),
                Some(Ok(record)) if record.key() == Some(key.as_bytes()) => {
                    found = Some(position_of(&record)?);
                }
                Some(Ok(_)) => {}
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(found),
                // Lost connections come back; the deadline bounds how long that may take.
                Some(Err(error)) => tracing::debug!(%error, "reading positions"),
                None => {}
            }
            if deadline.has_passed() {
                return Err(PublishError::unavailable(0, "the positions cannot be read in time"));
            }
        }
    }
}

/// The partition is new, or its leader has just changed: brokers learn of it one after another.
fn is_moving(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::UnknownTopicOrPartition
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
    )
}

/// A position that nobody can read must not be taken for none: everything would be stored again.
fn position_of(record: &BorrowedMessage<'_>) -> Result<Position, PublishError> {
    record.payload().and_then(Position::parse).ok_or_else(|| {
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        let at = format!("topic {topic:?}, partition {partition}, offset {offset}");
        PublishError::unavailable(0, format!("the position of the stream is not readable ({at})"))
    })
}
