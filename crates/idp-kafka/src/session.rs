//! Publishing one stream: what is sent again, how a refused message is named, and when to stop.

use crate::KafkaConfig;
use crate::config::Delivery;
use crate::failure::Failure;
use crate::plain::Plain;
use crate::positions::Positions;
use crate::sender::Pace;
use crate::transactional::{NotOpened, Transactional};
use idp_application::{Message, PublishError, Stream};
use rdkafka::error::RDKafkaErrorCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The producer of a stream. Everything that it does blocks.
pub(crate) enum Session {
    Transactional(Box<Transactional>),
    Plain(Box<Plain>),
}

/// A batch that was not published as a whole.
#[derive(Debug)]
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
    /// broker ended a transaction that took too long. Or the broker could not say whether it committed. Taking
    /// the stream over again tells.
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

    /// Publishes the messages in order.
    pub(crate) fn publish(
        &mut self,
        messages: &[Message],
        abandoned: &AtomicBool,
    ) -> Result<(), Stopped> {
        let mut done = self.known(messages);
        let mut end = messages.len();
        let mut refusal = None;
        let mut pace = Pace::Together;
        let mut may_look_again = true;
        while done < end {
            let start = done;
            let until = start + pace.span(end - start);
            let (stored, outcome) = self.store(&messages[start..until], pace, abandoned);
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
                // Perhaps a topic is gone: it is looked up again.
                Err(Failure::TopicLost | Failure::TakenBack(_)) if may_look_again => {
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
            Some(code) => Err(Stopped::refused(done, &messages[done], code)),
        }
    }

    fn known(&self, messages: &[Message]) -> usize {
        match self {
            Self::Transactional(session) => session.known(messages),
            Self::Plain(_) => 0,
        }
    }

    fn forget_topics(&mut self) {
        match self {
            Self::Transactional(session) => session.forget_topics(),
            Self::Plain(session) => session.forget_topics(),
        }
    }

    /// How many of the messages are stored, from the first.
    fn store(
        &mut self,
        messages: &[Message],
        pace: Pace,
        abandoned: &AtomicBool,
    ) -> (usize, Result<(), Failure>) {
        match self {
            Self::Transactional(session) => match session.store(messages, pace) {
                Ok(()) => (messages.len(), Ok(())),
                Err(failure) => (0, Err(failure)),
            },
            Self::Plain(session) => match session.store(messages, pace, abandoned) {
                Ok(()) => (messages.len(), Ok(())),
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
            Failure::Unsettled(error) => (Self::new(error), Next::Reopen),
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

    pub(crate) fn unavailable(accepted: usize, message: &str) -> Self {
        Self::new(PublishError::unavailable(accepted, message))
    }

    fn refused(accepted: usize, message: &Message, code: RDKafkaErrorCode) -> Self {
        let (topic, sequence) = (&message.topic, message.sequence);
        let text = format!("topic {topic:?} refuses message {sequence}: {code}");
        Self::new(PublishError::refused(accepted, text))
    }
}

/// What a real broker answers only when it is set up for it, from the broker that librdkafka brings along.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock_broker::{Answer, Api, OK, broker, message, stream};
    use idp_application::PublishFailure;

    fn open(config: &Arc<KafkaConfig>, epoch: i64) -> Result<Session, PublishError> {
        let opened = Session::open(config, &Arc::default(), &stream(), epoch);
        opened.map_err(|stopped| stopped.error)
    }

    fn publish(session: &mut Session, messages: &[Message]) -> Result<(), (usize, PublishFailure)> {
        let outcome = session.publish(messages, &AtomicBool::new(false));
        outcome.map_err(|stopped| (stopped.error.accepted, stopped.error.failure))
    }

    /// It may be looked at, so that only the transaction shows it.
    #[test]
    fn a_topic_that_may_not_be_written_is_named_though_only_the_transaction_fails() {
        let (broker, config) = broker();
        let mut session = open(&config, 1).expect("opened");
        let denied = Answer::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        // All together, then one by one: the first topic, and the other.
        broker.request_errors(Api::AddPartitionsToTxn, &[denied, OK, denied]);
        let messages = [message("a", 1), message("a", 2), message("b", 3), message("a", 4)];
        assert_eq!(publish(&mut session, &messages), Err((2, PublishFailure::Refused)));
        assert_eq!(publish(&mut session, &messages[3..]), Ok(()));
    }

    #[test]
    fn a_position_that_may_not_be_written_is_no_fault_of_a_message() {
        let (broker, config) = broker();
        let mut session = open(&config, 1).expect("opened");
        let denied = Answer::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        broker.request_errors(Api::AddPartitionsToTxn, &[denied, OK, denied]);
        let messages = [message("a", 1)];
        assert_eq!(publish(&mut session, &messages), Err((0, PublishFailure::Unavailable)));
        assert_eq!(publish(&mut session, &messages), Ok(()));
    }

    /// The broker does so when a transaction takes too long.
    #[test]
    fn a_producer_that_is_fenced_without_a_newer_epoch_takes_its_stream_over_again() {
        let (broker, config) = broker();
        let mut session = open(&config, 1).expect("opened");
        broker.request_errors(Api::EndTxn, &[Answer::RD_KAFKA_RESP_ERR_PRODUCER_FENCED]);
        let messages = [message("a", 1)];
        let stopped = session.publish(&messages, &AtomicBool::new(false)).expect_err("fenced");
        assert_eq!((stopped.next, stopped.error.accepted), (Next::Reopen, 0));
        assert_eq!(stopped.error.failure, PublishFailure::Unavailable);
        let mut session = open(&config, 1).expect("nobody has a newer epoch");
        assert_eq!(publish(&mut session, &messages), Ok(()));
    }

    /// Seen from a broker that had the stream taken over at the same moment.
    #[test]
    fn a_commit_to_which_the_broker_answers_that_it_does_not_know_is_looked_up() {
        let (broker, config) = broker();
        let unknown = Answer::RD_KAFKA_RESP_ERR_UNKNOWN;
        broker.request_errors(Api::EndTxn, &[unknown]);
        let not_opened = Session::open(&config, &Arc::default(), &stream(), 1).err();
        assert_eq!(not_opened.expect("it cannot say its epoch").next, Next::Reopen);
        let mut session = open(&config, 1).expect("the broker is there");
        broker.request_errors(Api::EndTxn, &[unknown]);
        let messages = [message("a", 1)];
        let stopped = session.publish(&messages, &AtomicBool::new(false)).expect_err("not known");
        assert_eq!((stopped.next, stopped.error.accepted), (Next::Reopen, 0));
        assert_eq!(stopped.error.failure, PublishFailure::Unavailable);
        assert!(stopped.error.error.is_outcome_unknown());
        let mut session = open(&config, 1).expect("the broker is there");
        assert_eq!(publish(&mut session, &messages), Ok(()));
    }

    #[test]
    fn whoever_comes_with_an_older_epoch_is_fenced() {
        let (_broker, config) = broker();
        open(&config, 5).expect("opened");
        let error = open(&config, 4).err().expect("fenced");
        assert_eq!((error.failure, error.accepted), (PublishFailure::Fenced, 0));
    }
}
