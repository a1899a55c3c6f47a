//! The last message of a subject: what a stream of messages has come to there.

use crate::call::Route;
use crate::error::no_answer;
use crate::link::Connection;
use crate::mark;
use async_nats::HeaderMap;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use idp_application::{Message, PublishError};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many subjects are remembered; others are asked for.
const SUBJECTS_MAX: usize = 10_000;

/// The last message of a subject; all zero when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Top {
    /// Its number in the JetStream stream.
    pub(crate) stored_as: u64,
    pub(crate) sequence: i64,
    pub(crate) epoch: i64,
    pub(crate) event: String,
}

impl Top {
    /// The message, stored under that number of the JetStream stream.
    pub(crate) fn of(message: &Message, stored_as: u64) -> Self {
        let event = message.event.id.to_string();
        Self { stored_as, sequence: message.sequence, epoch: message.epoch, event }
    }

    /// Asks the server.
    pub(crate) async fn ask(connection: &Connection, route: &Route) -> Result<Self, PublishError> {
        let name = &route.destination.name;
        let stream = connection.jetstream().get_stream_no_info(name).await.map_err(no_answer)?;
        match stream.get_last_raw_message_by_subject(&route.subject).await {
            Ok(message) => {
                Self::read(&message.headers, message.sequence).ok_or_else(|| foreign(route))
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                Ok(Self::default())
            }
            Err(error) => Err(no_answer(error)),
        }
    }

    /// Reads it from a message, or from a [mark](crate::mark).
    fn read(headers: &HeaderMap, stored_as: u64) -> Option<Self> {
        let header = |name: &str, mark: &str| {
            headers.get(name).or_else(|| headers.get(mark)).map(|value| value.as_str())
        };
        Some(Self {
            stored_as,
            sequence: header("ce-sequence", mark::SEQUENCE)?.parse().ok()?,
            epoch: header("ce-epoch", mark::EPOCH)?.parse().ok()?,
            event: header("ce-id", mark::EVENT)?.to_owned(),
        })
    }

    /// Whether the message is stored already. Fails when it must not be.
    pub(crate) fn has(&self, message: &Message, route: &Route) -> Result<bool, PublishError> {
        if self.epoch > message.epoch {
            let why = format!(
                "{:?} has messages of epoch {}, this one is of epoch {}",
                route.subject, self.epoch, message.epoch
            );
            return Err(PublishError::fenced(0, why));
        }
        if self.sequence == message.sequence && self.event != message.event.id.to_string() {
            let why = format!(
                "{:?} has another event under the number {}: has the outbox been restored from a \
                 backup, or does another service use the prefix?",
                route.subject, self.sequence
            );
            return Err(PublishError::unavailable(0, why));
        }
        Ok(message.sequence <= self.sequence)
    }
}

fn foreign(route: &Route) -> PublishError {
    let subject = &route.subject;
    PublishError::unavailable(0, format!("{subject:?} has a last message that is not of this bus"))
}

/// What is known of subjects that nobody is publishing to just now.
#[derive(Debug, Default)]
pub(crate) struct Tops(Mutex<HashMap<String, Top>>);

impl Tops {
    /// Takes out what is known, if it was learnt under that epoch. Whoever took it puts it back only
    /// if it is still true.
    pub(crate) fn take(&self, subject: &str, epoch: i64) -> Option<Top> {
        self.tops().remove(subject).filter(|top| top.epoch == epoch)
    }

    pub(crate) fn put(&self, subject: &str, top: Top) {
        let mut tops = self.tops();
        if tops.len() >= SUBJECTS_MAX {
            tops.clear();
        }
        tops.insert(subject.to_owned(), top);
    }

    fn tops(&self) -> MutexGuard<'_, HashMap<String, Top>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
