//! One attempt to send messages: pipelined, in order, and what became of each.
//!
//! After any doubt all producers of the stream are closed before anything is sent again, from the
//! first message that is not acknowledged. So no number is sent for the first time behind a higher one:
//! the broker would drop it as known.

use crate::answers::{Event, News};
use crate::batch::Batch;
use crate::binding;
use crate::client::Client;
use crate::error::Failure;
use crate::frame;
use crate::outlets::OutletId;
use crate::session::Session;
use idp_application::Message;
use std::mem;
use std::sync::Arc;

/// Nothing is sent behind a message of more bytes than that before the broker has it: policies of a
/// topic can refuse it for its size, and the broker would take what comes behind it.
const LONE_BYTES: usize = 64 * 1024;
/// What of the broker's bound on messages is not for their data but for what is said about it.
pub(crate) const ROOM_FOR_METADATA: usize = 16 * 1024;
/// Part of the broker's answer when an earlier attempt at the same message is not decided yet.
const UNDECIDED: &str = "whether the message is a duplicate";

/// How an attempt ended.
pub(crate) struct Outcome {
    /// How many messages, from the first, the broker has.
    pub(crate) accepted: usize,
    /// What stopped the next one.
    pub(crate) failure: Option<Failure>,
    /// Whether the session must not be used again.
    pub(crate) is_doubtful: bool,
}

pub(crate) struct Round<'r> {
    client: &'r Arc<Client>,
    session: &'r mut Session,
    messages: &'r [Message],
    fates: Vec<Fate>,
    batch: Batch,
    waiting: usize,
}

/// What became of a message.
enum Fate {
    Unsent,
    UnderWay,
    /// Stored now, by that outlet.
    Stored(OutletId),
    /// Stored before.
    Known,
    Failed(Failure),
    /// The broker answered so about this very message, and may have taken later ones of the outlet.
    Refused(OutletId, Failure),
}

impl<'r> Round<'r> {
    pub(crate) fn new(
        client: &'r Arc<Client>,
        session: &'r mut Session,
        messages: &'r [Message],
    ) -> Self {
        let fates = messages.iter().map(|_| Fate::Unsent).collect();
        let batch = Batch::of(Arc::downgrade(&session.sender));
        Self { client, session, messages, fates, batch, waiting: 0 }
    }

    pub(crate) async fn run(mut self) -> Outcome {
        let mut stopped_by = None;
        for index in 0..self.messages.len() {
            if let Err(failure) = self.send(index).await {
                stopped_by = Some(failure);
            }
            if stopped_by.is_some() || self.session.is_doubtful {
                break;
            }
        }
        self.settle().await;
        self.outcome(stopped_by)
    }

    async fn send(&mut self, index: usize) -> Result<(), Failure> {
        let message = &self.messages[index];
        let at = match self.session.open_outlet(self.client, message)? {
            Some(at) => at,
            None => {
                if !self.session.can_open_at_once() {
                    self.settle().await;
                }
                if self.session.is_doubtful {
                    return Ok(());
                }
                self.session.outlet(self.client, message).await?
            }
        };
        let outlet = self.session.outlets.get_mut(at);
        let (id, connection) = (outlet.producer.id(), outlet.producer.connection().clone());
        let now = self.client.config.clock.now();
        let metadata = binding::metadata(message, outlet.producer.name(), now);
        let data = &message.event.data;
        let bytes = frame::message_bytes(&metadata, data);
        check_size(bytes, data.len(), connection.message_bytes_max())?;
        outlet.under_way.push_back(index);
        let is_proven = outlet.is_proven;
        self.fates[index] = Fate::UnderWay;
        self.waiting += 1;
        self.batch.add(&connection, id, &metadata, data).await;
        if !is_proven {
            self.settle().await;
            return self.prove(index, at).await;
        }
        if bytes > LONE_BYTES {
            self.settle().await;
        } else if self.batch.is_full() {
            self.batch.send().await;
            while let Ok(event) = self.session.news.try_recv() {
                self.note(event);
            }
        }
        Ok(())
    }

    /// Makes sure that the partition remembers the message before anything else is sent to it.
    async fn prove(&mut self, index: usize, at: OutletId) -> Result<(), Failure> {
        if self.session.is_doubtful || !self.fates[index].is_taken() {
            return Ok(());
        }
        let (sequence, outlet) = (self.messages[index].sequence, self.session.outlets.get_mut(at));
        let before = outlet.producer.id();
        let proof = self.client.prove(&mut outlet.producer, sequence).await;
        outlet.is_proven = proof.is_ok();
        outlet.last = outlet.producer.last();
        self.session.outlets.reopened(at, before);
        self.session.is_doubtful = proof.is_err();
        proof
    }

    /// Sends what is bundled and waits until the fate of everything is known.
    async fn settle(&mut self) {
        self.batch.send().await;
        while self.waiting > 0 {
            let event = self.session.news.recv().await.expect("the session has a sender");
            self.note(event);
        }
    }

    fn note(&mut self, event: Event) {
        let Some(at) = self.session.outlets.of_producer(event.producer) else {
            return;
        };
        match event.news {
            News::Receipt { sequence, is_duplicate } => {
                self.note_receipt(at, sequence, is_duplicate);
            }
            News::Refusal { sequence, code, message } => {
                self.session.is_doubtful = true;
                if let Some(index) = self.take(at, sequence) {
                    self.fates[index] = Fate::of_refusal(at, code, &message);
                }
            }
            News::Closed => {
                self.give_up(at, &Failure::Moving("the broker closed the producer".into()));
            }
            // The broker also cuts off who was fenced: to ask again tells which it is.
            News::Lost(reason) => self.give_up(at, &Failure::Moving(reason)),
        }
    }

    fn note_receipt(&mut self, at: OutletId, sequence: u64, is_duplicate: bool) {
        let Some(index) = self.take(at, sequence) else {
            return;
        };
        let outlet = self.session.outlets.get_mut(at);
        let number = self.messages[index].sequence;
        if is_duplicate && number > outlet.last {
            let name = outlet.producer.name();
            let topic = outlet.producer.topic();
            let what =
                format!("{topic} drops number {number} of {name:?}, which it cannot have yet");
            self.fates[index] = Fate::Failed(Failure::Unavailable(what));
            self.session.is_doubtful = true;
            return;
        }
        outlet.last = outlet.last.max(number);
        self.fates[index] = if is_duplicate { Fate::Known } else { Fate::Stored(at) };
    }

    /// The message of that number that the outlet has under way, which then is no more.
    fn take(&mut self, at: OutletId, sequence: u64) -> Option<usize> {
        let under_way = &mut self.session.outlets.get_mut(at).under_way;
        let messages = self.messages;
        let is_it = |index: &usize| messages[*index].sequence.unsigned_abs() == sequence;
        let place = under_way.iter().position(is_it)?;
        self.waiting -= 1;
        under_way.remove(place)
    }

    fn give_up(&mut self, at: OutletId, failure: &Failure) {
        self.session.is_doubtful = true;
        for index in mem::take(&mut self.session.outlets.get_mut(at).under_way) {
            self.waiting -= 1;
            self.fates[index] = Fate::Failed(failure.clone());
        }
    }

    fn outcome(mut self, stopped_by: Option<Failure>) -> Outcome {
        let accepted = self.fates.iter().take_while(|fate| fate.is_taken()).count();
        let next = self.fates.get_mut(accepted).map(|fate| mem::replace(fate, Fate::Unsent));
        let failure = next.map(|fate| match fate {
            Fate::Failed(failure) => failure,
            Fate::Refused(at, failure) => self.as_overtaken(accepted, at, failure),
            _ => stopped_by.unwrap_or_else(|| Failure::Moving("a producer was closed".into())),
        });
        Outcome { accepted, failure, is_doubtful: self.session.is_doubtful }
    }

    /// When the broker has stored a later message of the same producer, it would take the number of
    /// this one for known, and drop it: it can only be sent under another number.
    fn as_overtaken(&self, index: usize, at: OutletId, failure: Failure) -> Failure {
        let is_overtaken =
            self.fates[index..].iter().any(|fate| matches!(fate, Fate::Stored(by) if *by == at));
        match failure {
            Failure::Moving(reason) if is_overtaken && !reason.contains(UNDECIDED) => {
                Failure::Refused(format!("{reason}; later messages were stored"))
            }
            failure => failure,
        }
    }
}

impl Fate {
    fn of_refusal(at: OutletId, code: i32, message: &str) -> Self {
        Self::Refused(at, Failure::of_broker(code, message))
    }

    fn is_taken(&self) -> bool {
        matches!(self, Self::Stored(_) | Self::Known)
    }
}

fn check_size(bytes: usize, data_bytes: usize, max: usize) -> Result<(), Failure> {
    let data_max = max.saturating_sub(ROOM_FOR_METADATA);
    if data_bytes <= data_max && bytes <= max {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "the message has {data_bytes} bytes of data and {bytes} in all, the broker takes {data_max} \
         and {max}"
    )))
}
