//! One call on one connection: round after round, each confirmed before the next.

use super::amqp;
use super::answers::Answers;
use super::config::RabbitStreamConfig;
use super::error::Fault;
use super::producers::Producer;
use super::round::Round;
use super::session::Session;
use idp_application::Message;
use std::sync::Arc;

/// The most bytes that the broker allows the name of a producer or of a stream.
const NAME_BYTES_MAX: usize = 255;

pub(crate) struct Sending<'m> {
    session: &'m mut Session,
    config: &'m RabbitStreamConfig,
    /// The name of the producer.
    name: Arc<str>,
    messages: &'m [Message],
}

/// Why it ended before its end.
#[derive(Debug)]
pub(crate) struct Stop {
    /// How many messages, from the first, are confirmed.
    pub(crate) confirmed: usize,
    /// Why not the next.
    pub(crate) fault: Fault,
    /// Whether something is under way on the connection.
    pub(crate) is_open: bool,
}

impl<'m> Sending<'m> {
    pub(crate) fn new(
        session: &'m mut Session,
        config: &'m RabbitStreamConfig,
        name: Arc<str>,
        messages: &'m [Message],
    ) -> Self {
        Self { session, config, name, messages }
    }

    /// Sends all of them, or stops at the first that is not taken. Nothing behind that is sent.
    pub(crate) async fn run(mut self) -> Result<(), Stop> {
        let mut confirmed = 0;
        while confirmed < self.messages.len() {
            let (round, obstacle) = self.plan(confirmed).await;
            let planned =
                if round.is_empty() { Ok(0) } else { self.exchange(confirmed, round).await };
            match planned {
                Ok(count) => confirmed += count,
                Err((count, fault)) => {
                    let confirmed = confirmed + count;
                    return Err(Stop { confirmed, fault, is_open: true });
                }
            }
            if let Some(fault) = obstacle {
                let is_open = !matches!(fault, Fault::Refused(_));
                return Err(Stop { confirmed, fault, is_open });
            }
        }
        Ok(())
    }

    /// The next round, and what is in the way of the message behind it, if anything.
    async fn plan(&mut self, from: usize) -> (Round<'m>, Option<Fault>) {
        let mut round = Round::new(self.session.frame_bytes());
        let messages = self.messages;
        for (index, message) in messages.iter().enumerate().skip(from) {
            let before = index.checked_sub(1).map(|before| messages[before].sequence);
            match self.prepare(message, before, &round).await {
                Ok((producer, number, encoded)) => {
                    if !round.add(producer, number, message, &encoded) {
                        break;
                    }
                }
                Err(fault) => return (round, Some(fault)),
            }
        }
        (round, None)
    }

    /// Number of the producer, number and form of a message.
    async fn prepare(
        &mut self,
        message: &Message,
        before: Option<i64>,
        round: &Round<'_>,
    ) -> Result<(u8, u64, Vec<u8>), Fault> {
        let number = self.check(message, before).map_err(Fault::Refused)?;
        let encoded = amqp::encode(message).map_err(Fault::Refused)?;
        if !round.could_take(encoded.len()) {
            let (bytes, most) = (encoded.len(), self.session.frame_bytes());
            let why = format!("the message takes {bytes} bytes, and a frame has {most} at most");
            return Err(Fault::Refused(why));
        }
        let (name, topic) = (Arc::clone(&self.name), Arc::clone(&message.topic));
        let producer = self.session.producer(&Producer { name, topic }, number).await?;
        Ok((producer, number, encoded))
    }

    /// The number of the message, if it can be sent at all. One that is not above the one before it
    /// would be taken for a duplicate and dropped.
    fn check(&self, message: &Message, before: Option<i64>) -> Result<u64, String> {
        let number = u64::try_from(message.sequence).ok().filter(|number| *number > 0);
        let number = number.filter(|_| before.is_none_or(|before| before < message.sequence));
        let Some(number) = number else {
            return Err(format!("the number {} does not rise from {before:?}", message.sequence));
        };
        for (what, text) in [("name of the producer", &self.name), ("topic", &message.topic)] {
            if !(1..=NAME_BYTES_MAX).contains(&text.len()) {
                let bytes = text.len();
                return Err(format!("the {what} has {bytes} bytes, not 1 to {NAME_BYTES_MAX}"));
            }
        }
        let (bytes, most) = (message.event.data.len(), self.config.data_bytes_max());
        if bytes > most {
            return Err(format!("the message has {bytes} bytes of data, {most} at most"));
        }
        Ok(number)
    }

    /// Sends a round, which begins with that message, and waits until all of it is answered: how many
    /// messages it had, or how many of them, from the first, are confirmed, and why not the next.
    async fn exchange(&mut self, from: usize, round: Round<'m>) -> Result<usize, (usize, Fault)> {
        let (frames, entries) = round.finish();
        let mut answers = Answers::to(entries, &self.messages[from..]);
        let exchanged = self.session.exchange(&frames, |incoming| answers.take(incoming)).await;
        let confirmed = answers.confirmed();
        match (answers.into_fault(), exchanged) {
            (Some(fault), _) | (None, Err(fault)) => Err((confirmed, fault)),
            (None, Ok(())) => Ok(confirmed),
        }
    }
}
