//! Hands records to a producer and waits for the answers.

use crate::KafkaConfig;
use crate::client::Producer;
use crate::deadline::Deadline;
use crate::error::{Class, class, code_of};
use crate::failure::Failure;
use crate::record;
use idp_application::Message;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig};
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long to sleep between two looks for answers: at least so long, and else a part of the time that has
/// passed. Many streams that wait for a slow broker would keep the processors busy with looking.
///
/// The wrapper's own wait is of no use: it does not end with an answer, and its last millisecond is spent
/// without sleeping.
const LOOK_PAUSES: RangeInclusive<Duration> =
    Duration::from_micros(200)..=Duration::from_millis(10);
const LOOK_PART: u32 = 8;
/// How long a topic may be unknown before a message to it is refused: brokers learn of new topics
/// one after another.
const TOPIC_WAIT: Duration = Duration::from_millis(500);

/// Whether records wait for one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// All are sent, then all answers are awaited.
    Together,
    /// Each is sent when the one before is stored: slow, but a failure names its record.
    Alone,
}

impl Pace {
    /// How many records to send at once out of so many.
    pub(crate) fn span(self, records: usize) -> usize {
        match self {
            Self::Together => records,
            Self::Alone => records.min(100),
        }
    }
}

/// A producer, and what it knows of the topics.
pub(crate) struct Sender {
    pub(crate) producer: Producer,
    topics: HashSet<Arc<str>>,
    data_bytes_max: usize,
}

impl Sender {
    pub(crate) fn new(producer: Producer, config: &KafkaConfig) -> Self {
        let data_bytes_max = usize::try_from(config.data_bytes_max).unwrap_or(usize::MAX);
        Self { producer, topics: HashSet::new(), data_bytes_max }
    }

    pub(crate) fn forget_topics(&mut self) {
        self.topics.clear();
    }

    /// Finds the first message whose topic is not there or not open to us. librdkafka would keep such
    /// messages for long, and fail others with them.
    pub(crate) fn check_topics(
        &mut self,
        messages: &[Message],
        deadline: Deadline,
    ) -> Result<(), Failure> {
        for (index, message) in messages.iter().enumerate() {
            if self.topics.contains(&message.topic) {
                continue;
            }
            match self.topic_fault(&message.topic, deadline)? {
                None => self.topics.insert(Arc::clone(&message.topic)),
                Some(code) => return Err(Failure::Refused { index, code }),
            };
        }
        Ok(())
    }

    fn topic_fault(&self, topic: &str, deadline: Deadline) -> Result<Option<Code>, Failure> {
        let patience = Deadline::after(deadline.at_most(TOPIC_WAIT));
        loop {
            let code = self.look_up(topic, deadline)?;
            match code.map(class) {
                None => return Ok(None),
                Some(Class::Refused) => return Ok(code),
                Some(_) if !patience.has_passed() => std::thread::sleep(Duration::from_millis(50)),
                Some(Class::TopicMissing) => return Ok(code),
                Some(_) => {
                    let code = code.unwrap_or(Code::Fail);
                    return Err(Failure::of(code, "look up the topic"));
                }
            }
        }
    }

    /// What the broker says is wrong with the topic.
    fn look_up(&self, topic: &str, deadline: Deadline) -> Result<Option<Code>, Failure> {
        if topic.contains('\0') {
            return Ok(Some(Code::InvalidTopic));
        }
        let metadata = self
            .producer
            .client()
            .fetch_metadata(Some(topic), deadline.remaining())
            .map_err(|e| Failure::of(code_of(&e), "look up the topic"))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(found.map_or(Some(Code::UnknownTopicOrPartition), |found| found.error().map(Code::from)))
    }

    /// Forgets the answers to the send before, and makes ready for so many.
    pub(crate) fn begin(&self, records: usize) {
        self.reports().begin(records);
    }

    /// Sends the messages in order.
    pub(crate) fn send(
        &self,
        messages: &[Message],
        pace: Pace,
        deadline: Deadline,
        abandoned: &AtomicBool,
    ) -> Result<(), Failure> {
        for (index, message) in messages.iter().enumerate() {
            if message.event.data.len() > self.data_bytes_max {
                return Err(Failure::Refused { index, code: Code::MessageSizeTooLarge });
            }
            let key = message.event.partition_key();
            let made = || {
                BaseRecord::with_opaque_to(&message.topic, index)
                    .key(key.as_str())
                    .payload(message.event.data.as_ref())
                    .headers(record::headers(message))
            };
            self.enqueue(made, deadline).map_err(|failure| match failure {
                // The client itself found it too large.
                Failure::Unclear(code) => Failure::Refused { index, code },
                other => other,
            })?;
            if pace == Pace::Alone {
                self.drain(deadline, abandoned)?;
                self.verdict(index + 1, pace)?;
            }
        }
        Ok(())
    }

    /// Hands one record to the client, waiting for room.
    pub(crate) fn enqueue<'r>(
        &self,
        record: impl Fn() -> BaseRecord<'r, str, [u8], usize>,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let looks = Looks::begin();
        loop {
            let Err((error, _)) = self.producer.send(record()) else { return Ok(()) };
            match code_of(&error) {
                Code::QueueFull if !deadline.has_passed() => looks.look(&self.producer),
                // The reason shows when the answers are there; this record has none.
                Code::State | Code::Fatal => return Ok(()),
                code => {
                    return Err(match Failure::of(code, "send") {
                        Failure::Unavailable(error) => Failure::Broken(error),
                        other => other,
                    });
                }
            }
        }
    }

    /// Waits until every record that was sent has its answer.
    pub(crate) fn drain(&self, deadline: Deadline, abandoned: &AtomicBool) -> Result<(), Failure> {
        let looks = Looks::begin();
        while self.producer.in_flight_count() > 0 {
            if deadline.has_passed() {
                return Err(Failure::broken("the broker did not confirm in time"));
            }
            if abandoned.load(Ordering::Relaxed) {
                return Err(Failure::broken("the caller has gone"));
            }
            looks.look(&self.producer);
        }
        Ok(())
    }

    /// Takes back what has not gone out yet.
    pub(crate) fn purge(&self) {
        self.producer.purge(PurgeConfig::default().queue().inflight());
        self.producer.poll(Duration::ZERO);
    }

    /// How many records from the first of the send are stored.
    pub(crate) fn stored(&self) -> usize {
        self.reports().lock().stored()
    }

    /// Whether any record of the send failed once it was handed to the client.
    pub(crate) fn has_failures(&self) -> bool {
        !self.reports().lock().failures().is_empty()
    }

    /// What the answers to so many records say.
    pub(crate) fn verdict(&self, records: usize, pace: Pace) -> Result<(), Failure> {
        if self.fatal_code().map(class) == Some(Class::Fenced) {
            return Err(Failure::Fenced);
        }
        let answers = self.reports().lock();
        let failures = answers.failures();
        let Some(some) = failures.first() else {
            let is_complete = answers.stored() >= records;
            return if is_complete { Ok(()) } else { Err(Failure::TakenBack(Code::State)) };
        };
        let culprits = failures.iter().filter(|failure| is_about_message(failure.code));
        let Some(first) = culprits.clone().min_by_key(|failure| failure.index) else {
            return Err(Failure::TakenBack(some.code));
        };
        match class(first.code) {
            Class::TopicMissing => Err(Failure::TopicLost),
            _ if pace == Pace::Alone || concerns_topic(first.code) || culprits.count() == 1 => {
                Err(Failure::Refused { index: first.index, code: first.code })
            }
            // A record batch was refused as a whole.
            _ => Err(Failure::Unclear(first.code)),
        }
    }

    /// Why the producer cannot be used any more, if it cannot.
    pub(crate) fn fatal_code(&self) -> Option<Code> {
        self.producer.client().fatal_error().map(|(code, _)| code)
    }

    fn reports(&self) -> &crate::reports::Reports {
        self.producer.client().context()
    }
}

/// Looks for answers until there are some.
struct Looks(Instant);

impl Looks {
    fn begin() -> Self {
        Self(Instant::now())
    }

    /// Takes what is there. Sleeps if nothing was.
    fn look(&self, producer: &Producer) {
        let before = producer.in_flight_count();
        producer.poll(Duration::ZERO);
        if producer.in_flight_count() == before {
            let pause = self.0.elapsed() / LOOK_PART;
            std::thread::sleep(pause.clamp(*LOOK_PAUSES.start(), *LOOK_PAUSES.end()));
        }
    }
}

fn is_about_message(code: Code) -> bool {
    matches!(class(code), Class::TooLarge | Class::TopicMissing | Class::Refused)
}

/// Each record that has it has it for itself.
fn concerns_topic(code: Code) -> bool {
    matches!(code, Code::TopicAuthorizationFailed | Code::InvalidTopic)
}
