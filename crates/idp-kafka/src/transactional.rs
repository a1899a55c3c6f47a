//! A stream whose batches are transactions that carry its position.

use crate::KafkaConfig;
use crate::client;
use crate::deadline::Deadline;
use crate::error::{Class, class, code_of, unavailable};
use crate::failure::Failure;
use crate::position::{self, Position};
use crate::positions::Positions;
use crate::sender::{Pace, Sender};
use idp_application::{Message, PublishError, Stream};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A transaction goes on when its caller has gone: that it is stored is no harm, and brings the stream
/// forward.
static NOT_ABANDONED: AtomicBool = AtomicBool::new(false);
/// A call that commits or aborts has so long at least, and one that had too little time is not made again.
/// librdkafka 2.12 takes a late answer to the call before for one to the call that follows; when the answer
/// of the broker comes then, an assertion fails, which ends the process (`rd_kafka_txn_set_state`).
const ENDING_TIME_MIN: Duration = Duration::from_secs(1);
/// Before a call is made again that could not be made yet.
const ENDING_PAUSE: Duration = Duration::from_millis(10);
const UNSTORED: &str = "the position of the stream cannot be stored";

/// The right to publish a stream, until somebody else takes it.
pub(crate) struct Transactional {
    config: Arc<KafkaConfig>,
    positions: Arc<Positions>,
    stream: Arc<Stream>,
    partition: i32,
    key: String,
    epoch: i64,
    position: i64,
    sender: Sender,
}

/// Why a stream could not be taken over.
pub(crate) enum NotOpened {
    /// Somebody publishes it under that newer epoch.
    Fenced(i64),
    /// Somebody took it over at the same time. Under which epoch shows when it is tried again.
    Contested,
    Failed(PublishError),
}

impl From<PublishError> for NotOpened {
    fn from(error: PublishError) -> Self {
        Self::Failed(error)
    }
}

impl Transactional {
    /// Takes the stream over: ends the transactions of whoever had it, finds out where it stands, and says
    /// under which epoch it is published from now on. It blocks, each of its four steps for no longer than a
    /// step may take: whoever was slow, but in time, must not have to begin again for what the next one took.
    pub(crate) fn open(
        config: &Arc<KafkaConfig>,
        positions: &Arc<Positions>,
        stream: &Arc<Stream>,
        epoch: i64,
    ) -> Result<Self, NotOpened> {
        let step = || Deadline::after(config.step_timeout);
        let key = format!("{}{stream}", config.prefix);
        let partition = position::partition(stream);
        // Kafka fences by who came last, not by who is right. A worker that is late must not disturb the
        // one that came after it.
        not_newer(positions.glance(config, partition, &key, step())?, epoch)?;
        let producer = client::transactional_producer(config, &key)
            .map_err(|e| unavailable("make a producer", e))?;
        if let Err(error) = producer.init_transactions(config.step_timeout) {
            return Err(match class(code_of(&error)) {
                Class::Fenced => NotOpened::Contested,
                _ => NotOpened::Failed(unavailable("take the stream over", error)),
            });
        }
        let found = positions.read(config, partition, &key, step())?;
        let position = not_newer(found, epoch)?;
        let mut opened = Self {
            config: Arc::clone(config),
            positions: Arc::clone(positions),
            stream: Arc::clone(stream),
            partition,
            key,
            epoch,
            position,
            sender: Sender::new(producer, config),
        };
        if found.is_none_or(|found| found.epoch < epoch) {
            opened.claim()?;
        }
        Ok(opened)
    }

    /// Says under which epoch the stream is published, so that whoever is late sees it.
    fn claim(&mut self) -> Result<(), NotOpened> {
        let deadline = Deadline::after(self.config.step_timeout);
        let claimed = self.transact(&[], self.position, Pace::Together, deadline);
        claimed.map_err(|failure| match failure {
            Failure::Fenced | Failure::Unsettled(_) => NotOpened::Contested,
            Failure::Unavailable(error) | Failure::Broken(error) => NotOpened::Failed(error),
            Failure::Refused { code, .. } | Failure::Unclear(code) | Failure::TakenBack(code) => {
                NotOpened::Failed(PublishError::unavailable(0, format!("{UNSTORED}: {code}")))
            }
            Failure::TopicLost => {
                let message = format!("{UNSTORED}: its topic is gone");
                NotOpened::Failed(PublishError::unavailable(0, message))
            }
        })
    }

    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// How many of the messages, from the first, are stored already.
    pub(crate) fn known(&self, messages: &[Message]) -> usize {
        messages.iter().take_while(|message| message.sequence <= self.position).count()
    }

    pub(crate) fn forget_topics(&mut self) {
        self.sender.forget_topics();
    }

    /// Stores all messages, or none of them. It blocks. After [`Failure::Fenced`], [`Failure::Unsettled`] or
    /// [`Failure::Broken`] it must not be called again.
    pub(crate) fn store(&mut self, messages: &[Message], pace: Pace) -> Result<(), Failure> {
        let Some(last) = messages.last() else { return Ok(()) };
        let deadline = Deadline::after(self.config.step_timeout);
        self.sender.check_topics(messages, deadline)?;
        match self.transact(messages, last.sequence, pace, deadline) {
            Ok(()) => {
                self.position = last.sequence;
                Ok(())
            }
            Err(failure @ (Failure::Fenced | Failure::Unsettled(_) | Failure::Broken(_))) => {
                Err(failure)
            }
            Err(failure) if self.sender.has_failures() => Err(self.reopened(failure)),
            Err(failure) => Err(failure),
        }
    }

    /// Stores the messages with the position behind them, as one transaction.
    fn transact(
        &self,
        messages: &[Message],
        sequence: i64,
        pace: Pace,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let begun = self.sender.producer.begin_transaction();
        begun.map_err(|e| self.ended(&e, "begin a transaction"))?;
        self.sender.begin(messages.len() + 1);
        match self.send(messages, sequence, pace, deadline) {
            Ok(()) => self.commit(deadline),
            Err(failure @ (Failure::Fenced | Failure::Broken(_))) => Err(failure),
            // The producer that comes after this one ends the transaction.
            Err(failure) if self.sender.has_failures() => Err(failure),
            Err(failure) => Err(self.abort(failure, deadline)),
        }
    }

    /// The failure, with another producer, which ends the transaction. Records that failed leave a gap in the
    /// numbers that the old one gives to the broker.
    fn reopened(&mut self, failure: Failure) -> Failure {
        let Self { config, positions, stream, epoch, .. } = self;
        match Self::open(config, positions, stream, *epoch) {
            Ok(opened) => {
                *self = opened;
                failure
            }
            Err(NotOpened::Fenced(_) | NotOpened::Contested) => Failure::Fenced,
            Err(NotOpened::Failed(error)) => Failure::Broken(error),
        }
    }

    fn send(
        &self,
        messages: &[Message],
        sequence: i64,
        pace: Pace,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let sent = self
            .sender
            .send(messages, pace, deadline, &NOT_ABANDONED)
            .and_then(|()| self.send_position(sequence, messages.len(), deadline))
            .and_then(|()| self.sender.drain(deadline, &NOT_ABANDONED))
            .and_then(|()| self.sender.verdict(messages.len() + 1, pace));
        sent.map_err(|failure| match self.explained(failure, pace) {
            // What is wrong with the position is no fault of a message.
            Failure::Refused { index, code } if index >= messages.len() => {
                Failure::Unavailable(PublishError::unavailable(0, format!("{UNSTORED}: {code}")))
            }
            other => other,
        })
    }

    fn send_position(
        &self,
        sequence: i64,
        index: usize,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let value = Position { sequence, epoch: self.epoch }.text();
        let record = || {
            BaseRecord::with_opaque_to(&self.config.positions_topic, index)
                .partition(self.partition)
                .key(self.key.as_str())
                .payload(value.as_bytes())
        };
        self.sender.enqueue(record, deadline)
    }

    /// When a transaction fails as a whole, librdkafka takes its records back, and only the transaction
    /// knows why: the attempt to commit it, which cannot succeed any more, tells.
    fn explained(&self, failure: Failure, pace: Pace) -> Failure {
        let Failure::TakenBack(_) = failure else { return failure };
        if !self.sender.has_failures() {
            return Failure::broken("the client took no more records");
        }
        let Err(error) = self.sender.producer.commit_transaction(ENDING_TIME_MIN) else {
            return Failure::unknown_outcome("a transaction that had failed was committed");
        };
        if self.sender.fatal_code().is_some() {
            return self.ended(&error, "store the messages");
        }
        match (Failure::of(code_of(&error), "store the messages"), pace) {
            (Failure::Unclear(code), Pace::Alone) => {
                Failure::Refused { index: self.sender.stored(), code }
            }
            (Failure::Unavailable(_), _) => Failure::TakenBack(code_of(&error)),
            (explained, _) => explained,
        }
    }

    /// Once it was tried, only a success is certain: the position that is read when the stream is taken over
    /// again says whether it was committed. `UNKNOWN_SERVER_ERROR` was seen from a broker that had another
    /// worker take the stream over at the same moment.
    fn commit(&self, deadline: Deadline) -> Result<(), Failure> {
        let ended = end(deadline, |time| self.sender.producer.commit_transaction(time));
        ended.map_err(|error| {
            let cause = self.cause(&error);
            let message = format!("could not commit: {error}");
            match class(cause) {
                Class::Fenced => Failure::Fenced,
                _ if cause == RDKafkaErrorCode::Unknown => Failure::unsettled(message),
                _ => Failure::unknown_outcome(message),
            }
        })
    }

    /// Undoes the transaction; the failure that was the reason comes back, unless the producer is lost.
    fn abort(&self, reason: Failure, deadline: Deadline) -> Failure {
        if let Err(lost) = self.sender.drain(deadline, &NOT_ABANDONED) {
            return lost;
        }
        match end(deadline, |time| self.sender.producer.abort_transaction(time)) {
            Ok(()) => reason,
            Err(error) => self.ended(&error, "abort a transaction"),
        }
    }

    /// The producer is of no use any more.
    fn ended(&self, error: &KafkaError, action: &str) -> Failure {
        match class(self.cause(error)) {
            Class::Fenced => Failure::Fenced,
            _ => Failure::broken(format!("could not {action}: {error}")),
        }
    }

    /// Errors that follow from a fatal one do not say so.
    fn cause(&self, error: &KafkaError) -> RDKafkaErrorCode {
        self.sender.fatal_code().unwrap_or_else(|| code_of(error))
    }
}

/// Commits or aborts, as soon as that can be tried.
fn end(
    deadline: Deadline,
    call: impl Fn(Duration) -> Result<(), KafkaError>,
) -> Result<(), KafkaError> {
    loop {
        let Err(error) = call(deadline.remaining().max(ENDING_TIME_MIN)) else { return Ok(()) };
        if !may_be_tried_again(&error) || deadline.has_passed() {
            return Err(error);
        }
        std::thread::sleep(ENDING_PAUSE);
    }
}

/// Not if it was tried and not answered.
fn may_be_tried_again(error: &KafkaError) -> bool {
    let is_retriable = matches!(error, KafkaError::Transaction(detail) if detail.is_retriable());
    is_retriable && code_of(error) != RDKafkaErrorCode::OperationTimedOut
}

/// The number of that position, unless it is that of a newer epoch.
fn not_newer(position: Option<Position>, epoch: i64) -> Result<i64, NotOpened> {
    match position {
        Some(position) if position.epoch > epoch => Err(NotOpened::Fenced(position.epoch)),
        position => Ok(position.map_or(0, |position| position.sequence)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock_broker::{broker, message, stream};
    use std::cell::Cell;
    use std::time::Instant;

    /// An answer of the broker takes so long. A transaction needs three.
    const ANSWER_TIME: Duration = Duration::from_millis(10);

    fn open(config: &Arc<KafkaConfig>) -> Transactional {
        let opened = Transactional::open(config, &Arc::default(), &stream(), 1);
        opened.unwrap_or_else(|_| panic!("nobody else publishes the stream"))
    }

    /// Also when hardly any is left to commit it: librdkafka ends the process if it is not careful.
    #[test]
    fn a_transaction_whose_time_is_over_is_given_up_and_no_harm_is_done() {
        let (broker, config) = broker();
        let (mut stored, mut given_up) = (0, 0);
        // Two answers are waited for before it is committed: the first deadlines are too short for them on
        // every machine, the last is long enough on every one.
        for micros in (15_000..46_000).step_by(250).chain([4_000_000]) {
            broker.broker_round_trip_time(1, Duration::ZERO).expect("it is set");
            let session = open(&config);
            broker.broker_round_trip_time(1, ANSWER_TIME).expect("it is set");
            let sequence = session.position + 1;
            let deadline = Deadline::after(Duration::from_micros(micros));
            match session.transact(&[message("a", sequence)], sequence, Pace::Together, deadline) {
                Ok(()) => stored += 1,
                Err(Failure::Broken(_)) => given_up += 1,
                Err(other) => panic!("{other:?}"),
            }
            // It takes a while.
            std::thread::spawn(move || drop(session));
        }
        assert!(stored > 0 && given_up > 0, "{stored} were stored, {given_up} given up");
    }

    /// One that all steps together had would be over.
    #[test]
    fn a_stream_is_taken_over_where_each_step_takes_most_of_its_time() {
        const STEP: Duration = Duration::from_secs(2);
        let (broker, config) = broker();
        broker.broker_round_trip_time(1, Duration::from_millis(160)).expect("it is set");
        let config = Arc::new(KafkaConfig { step_timeout: STEP, ..(*config).clone() });
        let begun = Instant::now();
        open(&config);
        assert!(begun.elapsed() > STEP, "it was too quick to tell");
    }

    /// What librdkafka says when it has no answer in time.
    fn timed_out() -> KafkaError {
        let (_broker, config) = broker();
        let producer = client::transactional_producer(&config, "x").expect("made");
        producer.init_transactions(Duration::ZERO).expect_err("it takes some time")
    }

    #[test]
    fn a_commit_that_was_not_answered_in_time_is_not_tried_again() {
        let error = timed_out();
        assert_eq!(code_of(&error), RDKafkaErrorCode::OperationTimedOut, "{error}");
        for left in [Duration::ZERO, Duration::from_millis(1), Duration::from_secs(60)] {
            let calls = Cell::new(0);
            let ended = end(Deadline::after(left), |time| {
                calls.set(calls.get() + 1);
                assert!(time >= ENDING_TIME_MIN, "{time:?}");
                Err(error.clone())
            });
            assert!(ended.is_err());
            assert_eq!(calls.get(), 1);
        }
    }
}
