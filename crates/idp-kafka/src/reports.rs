//! What the broker answered to each record of a send.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Collects the delivery reports of a producer. It learns of them when the producer is polled.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    answers: Mutex<Answers>,
}

/// The answers to one send.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Whether each record, by its number in the send, is stored.
    is_stored: Vec<bool>,
    failures: Vec<DeliveryFailure>,
}

/// A record that is not stored, or not for sure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeliveryFailure {
    pub(crate) index: usize,
    pub(crate) code: RDKafkaErrorCode,
}

impl Reports {
    /// Forgets the answers to the send before.
    pub(crate) fn begin(&self, records: usize) {
        *self.lock() = Answers { is_stored: vec![false; records], failures: Vec::new() };
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    /// How many records from the first are stored.
    pub(crate) fn stored(&self) -> usize {
        self.is_stored.iter().take_while(|is_stored| **is_stored).count()
    }

    pub(crate) fn failures(&self) -> &[DeliveryFailure] {
        &self.failures
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let mut answers = self.lock();
        match result {
            Ok(_) => {
                if let Some(is_stored) = answers.is_stored.get_mut(index) {
                    *is_stored = true;
                }
            }
            Err((error, _)) => {
                let code = crate::error::code_of(error);
                answers.failures.push(DeliveryFailure { index, code });
            }
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka client");
    }
}

/// What is worth a warning is told by what publishing returns; librdkafka also calls it an error
/// when a broker that it has no need of closes a connection.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::warn!(facility, message, "librdkafka");
        }
        _ => tracing::debug!(facility, message, "librdkafka"),
    }
}
