//! One call on one connection: round after round, each confirmed before the next.

use super::answers::Answers;
use super::error::Fault;
use super::pool::Pool;
use super::producers::Producer;
use super::round::Round;
use super::session::Session;
use idp_application::Message;
use std::sync::Arc;

/// The most bytes that the broker allows the name of a producer or of a stream.
const NAME_BYTES_MAX: usize = 255;

pub(crate) struct Sending<'m> {
    pool: &'m Arc<Pool>,
    /// Given back if nothing is under way on it at the end.
    session: Option<Session>,
    /// The producer of the last message.
    producer: Producer,
    messages: &'m [Message],
}

/// Why it ended before its end.
#[derive(Debug)]
pub(crate) struct Stop {
    /// How many messages, from the first, are confirmed.
    pub(crate) confirmed: usize,
    /// Why not the next.
    pub(crate) fault: Fault,
}

impl<'m> Sending<'m> {
    /// Of messages under that name of a producer.
    pub(crate) fn new(
        pool: &'m Arc<Pool>,
        session: Session,
        name: Arc<str>,
        messages: &'m [Message],
    ) -> Self {
        let producer = Producer { name, topic: "".into() };
        Self { pool, session: Some(session), producer, messages }
    }

    /// Sends all of them, or stops at the first that is not taken. Nothing behind that is sent.
    pub(crate) async fn run(mut self) -> Result<(), Stop> {
        let outcome = self.send().await;
        if let Some(session) = self.session {
            self.pool.give_back(session);
        }
        outcome
    }

    async fn send(&mut self) -> Result<(), Stop> {
        let mut confirmed = 0;
        while confirmed < self.messages.len() {
            let (round, obstacle) = self.plan(confirmed).await;
            // It stays away from its place when something may be under way on it.
            if let Some(session) = self.session.take() {
                let (count, fault) = self.exchange(session, confirmed, round).await;
                confirmed += count;
                if let Some(fault) = fault {
                    return Err(Stop { confirmed, fault });
                }
            }
            if let Some(fault) = obstacle {
                return Err(Stop { confirmed, fault });
            }
        }
        Ok(())
    }

    /// The next round, and what is in the way of the message behind it, if anything.
    async fn plan(&mut self, from: usize) -> (Round<'m>, Option<Fault>) {
        let messages = self.messages;
        let mut round = Round::new(&messages[from..], self.frame_bytes());
        for (index, message) in messages.iter().enumerate().skip(from) {
            let before = index.checked_sub(1).map(|before| messages[before].sequence);
            let added = match self.prepare(message, before).await {
                Ok((producer, number)) => round.add(producer, number),
                Err(fault) => Err(fault),
            };
            match added {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => return (round, Some(fault)),
            }
        }
        (round, None)
    }

    /// How many bytes a frame may have.
    fn frame_bytes(&self) -> usize {
        self.session.as_ref().map_or(0, Session::frame_bytes)
    }

    /// Number of the producer, and number of the message.
    async fn prepare(
        &mut self,
        message: &Message,
        before: Option<i64>,
    ) -> Result<(u8, u64), Fault> {
        let number = self.check(message, before).map_err(Fault::Refused)?;
        if self.producer.topic != message.topic {
            self.producer.topic = Arc::clone(&message.topic);
        }
        let known = self.session.as_mut().and_then(|session| session.producer(&self.producer));
        let producer = match known {
            Some(producer) => producer,
            None => self.declare(number).await?,
        };
        Ok((producer, number))
    }

    async fn declare(&mut self, first: u64) -> Result<u8, Fault> {
        let session = self.session.take().expect("it ends with the first fault of the connection");
        let declaring = self.pool.declare(session, self.producer.clone(), first);
        let (session, declared) = declaring.await;
        self.session = session;
        declared
    }

    /// The number of the message, if it can be sent at all. One that is not above the one before it
    /// would be taken for a duplicate and dropped.
    fn check(&self, message: &Message, before: Option<i64>) -> Result<u64, String> {
        let number = u64::try_from(message.sequence).ok().filter(|number| *number > 0);
        let number = number.filter(|_| before.is_none_or(|before| before < message.sequence));
        let Some(number) = number else {
            return Err(format!("the number {} does not rise from {before:?}", message.sequence));
        };
        for (what, text) in
            [("name of the producer", &self.producer.name), ("topic", &message.topic)]
        {
            if !(1..=NAME_BYTES_MAX).contains(&text.len()) {
                let bytes = text.len();
                return Err(format!("the {what} has {bytes} bytes, not 1 to {NAME_BYTES_MAX}"));
            }
        }
        let (bytes, most) = (message.event.data.len(), self.pool.config().data_bytes_max());
        if bytes > most {
            return Err(format!("the message has {bytes} bytes of data, {most} at most"));
        }
        Ok(number)
    }

    /// Sends a round, which begins with that message, and waits until all of it is answered: how many
    /// of its messages, from the first, are confirmed, and why not the next.
    async fn exchange(
        &mut self,
        mut session: Session,
        from: usize,
        round: Round<'m>,
    ) -> (usize, Option<Fault>) {
        let (frames, entries) = round.finish();
        let mut answers = Answers::to(entries, &self.messages[from..]);
        let exchanged = match frames.is_empty() {
            true => Ok(()),
            false => session.exchange(&frames, |incoming| answers.take(incoming)).await,
        };
        let (confirmed, fault) = (answers.confirmed(), answers.into_fault());
        let fault = fault.or(exchanged.err());
        if fault.is_none() {
            self.session = Some(session);
        }
        (confirmed, fault)
    }
}
