//! A producer: the right to send to one partition under one name.

use crate::answers::Event;
use crate::command::{Command, OpenProducer};
use crate::connection::Connection;
use crate::error::Failure;
use crate::topic::Topic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

const SHARED: i32 = 0;
const EXCLUSIVE_WITH_FENCING: i32 = 3;

/// What a producer is opened with.
#[derive(Clone)]
pub(crate) struct Opening {
    pub(crate) topic: Topic,
    pub(crate) name: Arc<str>,
    /// The epoch to hold the topic alone under, if it is to be held alone.
    pub(crate) exclusive_epoch: Option<u64>,
    pub(crate) events: UnboundedSender<Event>,
}

/// Closed when dropped.
pub(crate) struct Producer {
    id: u64,
    opening: Opening,
    connection: Arc<Connection>,
    last: i64,
}

/// Numbers for producers, so that no connection has one twice.
#[derive(Default)]
pub(crate) struct ProducerIds(AtomicU64);

impl ProducerIds {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Producer {
    pub(crate) async fn open(
        connection: Arc<Connection>,
        opening: Opening,
        ids: &ProducerIds,
        within: Duration,
    ) -> Result<Self, Failure> {
        let mut producer = Self { id: ids.next(), opening, connection, last: -1 };
        producer.enter(within).await?;
        Ok(producer)
    }

    /// Closes it and opens it again where it is.
    pub(crate) async fn reopen(
        &mut self,
        ids: &ProducerIds,
        within: Duration,
    ) -> Result<(), Failure> {
        self.connection.close(self.id);
        self.id = ids.next();
        self.enter(within).await
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn topic(&self) -> &Topic {
        &self.opening.topic
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.opening.name
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The highest number that the partition had of that name when the producer was opened; -1 if it
    /// has none, and whenever it does not drop duplicates.
    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    /// Whether the session is still told about it: not if it was closed, or its connection is gone.
    pub(crate) fn is_followed(&self) -> bool {
        self.connection.is_followed(self.id)
    }

    /// From here on dropping it closes it, also one whose opening was not answered.
    async fn enter(&mut self, within: Duration) -> Result<(), Failure> {
        let (id, opening) = (self.id, &self.opening);
        self.connection.follow(id, opening.events.clone())?;
        let is_exclusive = opening.exclusive_epoch.is_some();
        let answer = self.connection.ask(within, |request_id| {
            Command::producer(OpenProducer {
                topic: opening.topic.to_string(),
                producer_id: id,
                request_id,
                producer_name: Some(opening.name.to_string()),
                user_provided_producer_name: Some(true),
                producer_access_mode: Some(if is_exclusive {
                    EXCLUSIVE_WITH_FENCING
                } else {
                    SHARED
                }),
                topic_epoch: opening.exclusive_epoch,
            })
        });
        let success = answer.await?.producer_success;
        self.last = success.and_then(|success| success.last_sequence_id).unwrap_or(-1);
        Ok(())
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.connection.close(self.id);
    }
}
