//! Publishing one stream: what is sent again, how a refused message is named, and when to stop.

use crate::KafkaConfig;
use crate::config::Delivery;
use crate::failure::Failure;
use crate::plain::Plain;
use crate::positions::Positions;
use crate::record::Record;
use crate::sender::Pace;
use crate::transactional::{NotOpened, Transactional};
use idp_application::{PublishError, Stream};
use rdkafka::error::RDKafkaErrorCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The producer of a stream. Everything that it does blocks.
pub(crate) enum Session {
    Transactional(Box<Transactional>),
    Plain(Box<Plain>),
}

/// A batch that was not published as a whole.
pub(crate) struct Stopped {
    pub(crate) error: PublishError,
    pub(crate) next: Next,
    /// The newer epoch that somebody publishes the stream under.
    pub(crate) newer_epoch: Option<i64>,
}

/// What to do with the session after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It can go on.
    Keep,
    /// It must not be used any more.
    GiveUp,
    /// The epoch of the producer is over, and it is not known why: because somebody publishes the stream
    /// under a newer epoch, or because a worker that was late took it over for a moment, or because the
    /// broker ended a transaction that took too long. Taking the stream over again tells.
    Reopen,
}

impl Session {
    /// A producer for the stream under that epoch.
    pub(crate) fn open(
        config: &Arc<KafkaConfig>,
        positions: &Arc<Positions>,
        stream: &Arc<Stream>,
        epoch: i64,
    ) -> Result<Self, Stopped> {
        let opened = match config.delivery {
            Delivery::Idempotent => {
                Plain::open(config).map(|plain| Self::Plain(Box::new(plain))).map_err(Into::into)
            }
            Delivery::Transactional => Transactional::open(config, positions, stream, epoch)
                .map(|session| Self::Transactional(Box::new(session))),
        };
        opened.map_err(|not_opened| match not_opened {
            NotOpened::Fenced(newer) => Stopped::fenced(0, newer),
            NotOpened::Contested => Stopped::contested(0),
            NotOpened::Failed(error) => Stopped { next: Next::GiveUp, ..Stopped::new(error) },
        })
    }

    /// Whether it can publish under that epoch.
    pub(crate) fn serves(&self, epoch: i64) -> bool {
        match self {
            Self::Transactional(session) => session.epoch() == epoch,
            Self::Plain(_) => true,
        }
    }

    /// Publishes the records in order.
    pub(crate) fn publish(
        &mut self,
        records: &[Record],
        abandoned: &AtomicBool,
    ) -> Result<(), Stopped> {
        let mut done = self.known(records);
        let mut end = records.len();
        let mut refusal = None;
        let mut pace = Pace::Together;
        let mut may_look_again = true;
        while done < end {
            let start = done;
            let until = start + pace.span(end - start);
            let (stored, outcome) = self.store(&records[start..until], pace, abandoned);
            done += stored;
            match outcome {
                Ok(()) => pace = Pace::Together,
                // What stands before it goes out by itself.
                Err(Failure::Refused { index, code }) => {
                    end = start + index;
                    refusal = Some(code);
                }
                Err(Failure::Unclear(code)) if pace == Pace::Together => {
                    tracing::warn!(%code, "a batch was refused; its messages go one by one");
                    pace = Pace::Alone;
                }
                Err(Failure::TopicLost) if may_look_again => {
                    may_look_again = false;
                    self.forget_topics();
                }
                Err(failure) => return Err(Stopped::of(done, failure)),
            }
            if abandoned.load(Ordering::Relaxed) && done < end {
                return Err(Stopped::unavailable(done, "the caller has gone"));
            }
        }
        match refusal {
            None => Ok(()),
            Some(code) => Err(Stopped::refused(done, &records[done], code)),
        }
    }

    fn known(&self, records: &[Record]) -> usize {
        match self {
            Self::Transactional(session) => session.known(records),
            Self::Plain(_) => 0,
        }
    }

    fn forget_topics(&mut self) {
        match self {
            Self::Transactional(session) => session.forget_topics(),
            Self::Plain(session) => session.forget_topics(),
        }
    }

    /// How many of the records are stored, from the first.
    fn store(
        &mut self,
        records: &[Record],
        pace: Pace,
        abandoned: &AtomicBool,
    ) -> (usize, Result<(), Failure>) {
        match self {
            Self::Transactional(session) => match session.store(records, pace) {
                Ok(()) => (records.len(), Ok(())),
                Err(failure) => (0, Err(failure)),
            },
            Self::Plain(session) => match session.store(records, pace, abandoned) {
                Ok(()) => (records.len(), Ok(())),
                Err((stored, failure)) => (stored, Err(failure)),
            },
        }
    }
}

impl Stopped {
    fn new(error: PublishError) -> Self {
        Self { error, next: Next::Keep, newer_epoch: None }
    }

    fn of(accepted: usize, failure: Failure) -> Self {
        let (mut stopped, next) = match failure {
            Failure::Fenced => return Self::contested(accepted),
            Failure::Unavailable(error) => (Self::new(error), Next::Keep),
            Failure::Broken(error) => (Self::new(error), Next::GiveUp),
            Failure::Refused { code, .. } | Failure::Unclear(code) | Failure::TakenBack(code) => {
                let message = format!("could not store the messages: {code}");
                (Self::unavailable(accepted, &message), Next::Keep)
            }
            Failure::TopicLost => {
                let message = "the brokers do not agree on whether a topic exists";
                (Self::unavailable(accepted, message), Next::Keep)
            }
        };
        stopped.error.accepted = accepted;
        Self { next, ..stopped }
    }

    fn contested(accepted: usize) -> Self {
        let message = "the stream was taken over, but by nobody with a newer epoch";
        Self { next: Next::Reopen, ..Self::unavailable(accepted, message) }
    }

    /// Somebody publishes the stream under that newer epoch.
    pub(crate) fn fenced(accepted: usize, newer: i64) -> Self {
        let message = format!("the stream is published under epoch {newer}");
        let error = PublishError::fenced(accepted, message);
        Self { error, next: Next::GiveUp, newer_epoch: Some(newer) }
    }

    fn unavailable(accepted: usize, message: &str) -> Self {
        Self::new(PublishError::unavailable(accepted, message))
    }

    fn refused(accepted: usize, record: &Record, code: RDKafkaErrorCode) -> Self {
        let (topic, sequence) = (&record.topic, record.sequence);
        let message = format!("topic {topic:?} refuses message {sequence}: {code}");
        Self::new(PublishError::refused(accepted, message))
    }
}
