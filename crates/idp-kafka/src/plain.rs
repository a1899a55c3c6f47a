//! A stream without transactions: acknowledged and in order, but what is sent again is stored again.

use crate::KafkaConfig;
use crate::client;
use crate::deadline::Deadline;
use crate::error::unavailable;
use crate::failure::Failure;
use crate::sender::{Pace, Sender};
use idp_application::{Message, PublishError};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A producer of one stream, so that a record which cannot be stored stops no other stream.
pub(crate) struct Plain {
    config: Arc<KafkaConfig>,
    sender: Sender,
}

impl Plain {
    pub(crate) fn open(config: &Arc<KafkaConfig>) -> Result<Self, PublishError> {
        Ok(Self { config: Arc::clone(config), sender: sender(config)? })
    }

    pub(crate) fn forget_topics(&mut self) {
        self.sender.forget_topics();
    }

    /// Stores the messages in order; on a failure, says how many from the first are stored. It blocks.
    /// After [`Failure::Broken`] it must not be called again.
    pub(crate) fn store(
        &mut self,
        messages: &[Message],
        pace: Pace,
        abandoned: &AtomicBool,
    ) -> Result<(), (usize, Failure)> {
        let deadline = Deadline::after(self.config.step_timeout);
        self.sender.check_topics(messages, deadline).map_err(|failure| (0, failure))?;
        self.sender.begin(messages.len());
        let Err(failure) = self.send(messages, pace, deadline, abandoned) else { return Ok(()) };
        let failure = self.settled(failure, deadline, abandoned);
        let stored = self.sender.stored();
        Err((stored, self.with_usable_producer(failure, stored)))
    }

    fn send(
        &self,
        messages: &[Message],
        pace: Pace,
        deadline: Deadline,
        abandoned: &AtomicBool,
    ) -> Result<(), Failure> {
        self.sender.send(messages, pace, deadline, abandoned)?;
        self.sender.drain(deadline, abandoned)?;
        self.sender.verdict(messages.len(), pace)
    }

    /// After a failure, nothing that was sent may be stored any more behind the back of the next call.
    fn settled(&self, failure: Failure, deadline: Deadline, abandoned: &AtomicBool) -> Failure {
        let is_broken = matches!(failure, Failure::Broken(_));
        let drained = if is_broken { Ok(()) } else { self.sender.drain(deadline, abandoned) };
        self.sender.purge();
        drained.err().unwrap_or(failure)
    }

    /// The failure, with another producer to go on with if this one has stopped for good.
    fn with_usable_producer(&mut self, failure: Failure, stored: usize) -> Failure {
        let failure = match failure {
            Failure::Refused { index, .. } if index == stored && self.is_running() => {
                return failure;
            }
            Failure::Refused { index, .. } if index == stored => failure,
            // Those before it were taken back with it: it may not be the first.
            Failure::Refused { code, .. } => Failure::Unclear(code),
            Failure::Unclear(_) | Failure::TopicLost | Failure::TakenBack(_) => failure,
            Failure::Fenced => return Failure::broken("the producer has stopped"),
            Failure::Unavailable(error) | Failure::Unsettled(error) | Failure::Broken(error) => {
                return Failure::Broken(error);
            }
        };
        match sender(&self.config) {
            Ok(sender) => {
                self.sender = sender;
                failure
            }
            Err(error) => Failure::Broken(error),
        }
    }

    fn is_running(&self) -> bool {
        self.sender.fatal_code().is_none()
    }
}

fn sender(config: &KafkaConfig) -> Result<Sender, PublishError> {
    let producer =
        client::idempotent_producer(config).map_err(|e| unavailable("make a producer", e))?;
    Ok(Sender::new(producer, config))
}
