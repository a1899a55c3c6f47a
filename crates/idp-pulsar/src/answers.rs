//! Who waits for which word of a broker.

use crate::command::{Command, Kind};
use crate::error::Failure;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// What happened to a producer. There are no more of these than messages under way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) producer: u64,
    pub(crate) news: News,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The broker has the message of that number, now or from before.
    Receipt { sequence: u64, is_duplicate: bool },
    /// It does not take the message of that number.
    Refusal { sequence: u64, code: i32, message: String },
    /// It closed the producer: the topic is on the move, or another producer took its place.
    Closed,
    /// The connection is gone.
    Lost(String),
}

/// The requests and producers of one connection.
#[derive(Default)]
pub(crate) struct Answers {
    waiting: Mutex<Waiting>,
    last_request: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    requests: HashMap<u64, oneshot::Sender<Command>>,
    producers: HashMap<u64, UnboundedSender<Event>>,
    lost: Option<String>,
}

impl Answers {
    /// A place for the answer to a new request.
    pub(crate) fn expect(self: &Arc<Self>) -> Result<Expected, Failure> {
        let request = self.next_request();
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        if let Some(reason) = &waiting.lost {
            return Err(Failure::Unavailable(reason.clone()));
        }
        waiting.requests.insert(request, sender);
        Ok(Expected { request, answers: self.clone(), receiver })
    }

    /// A number for a request whose answer nobody waits for.
    pub(crate) fn next_request(&self) -> u64 {
        self.last_request.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// From now on what happens to the producer is told.
    pub(crate) fn follow(
        &self,
        producer: u64,
        events: UnboundedSender<Event>,
    ) -> Result<(), Failure> {
        let mut waiting = self.waiting();
        if let Some(reason) = &waiting.lost {
            return Err(Failure::Unavailable(reason.clone()));
        }
        waiting.producers.insert(producer, events);
        Ok(())
    }

    /// Whether what happens to the producer is told. It is not any more when the last of it was.
    pub(crate) fn is_followed(&self, producer: u64) -> bool {
        self.waiting().producers.contains_key(&producer)
    }

    /// Nothing more is told about the producer.
    pub(crate) fn forget(&self, producer: u64) {
        self.waiting().producers.remove(&producer);
    }

    /// Hands a command of the broker to whom it concerns.
    pub(crate) fn hand_out(&self, command: Command) {
        if let Some(receipt) = &command.send_receipt {
            let (sequence, is_duplicate) = (receipt.sequence_id, receipt.is_duplicate());
            self.tell(receipt.producer_id, News::Receipt { sequence, is_duplicate });
        } else if let Some(error) = command.send_error {
            let (sequence, code, message) = (error.sequence_id, error.error, error.message);
            self.tell(error.producer_id, News::Refusal { sequence, code, message });
        } else if let Some(close) = &command.close_producer {
            let producer = close.producer_id;
            let events = self.waiting().producers.remove(&producer);
            if let Some(events) = events {
                let _ = events.send(Event { producer, news: News::Closed });
            }
        } else if let Some(sender) = self.asker_of(&command) {
            // Whoever asked may have gone meanwhile.
            let _ = sender.send(command);
        }
    }

    /// The connection is gone: everybody who waits is told.
    pub(crate) fn lose(&self, reason: &str) {
        let mut waiting = self.waiting();
        waiting.lost = Some(reason.to_owned());
        waiting.requests.clear();
        for (producer, events) in waiting.producers.drain() {
            let _ = events.send(Event { producer, news: News::Lost(reason.to_owned()) });
        }
    }

    /// Why the connection is gone, if it is.
    pub(crate) fn lost(&self) -> Option<String> {
        self.waiting().lost.clone()
    }

    fn asker_of(&self, command: &Command) -> Option<oneshot::Sender<Command>> {
        self.waiting().requests.remove(&request_of(command)?)
    }

    fn tell(&self, producer: u64, news: News) {
        if let Some(events) = self.waiting().producers.get(&producer) {
            let _ = events.send(Event { producer, news });
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn request_of(command: &Command) -> Option<u64> {
    match Kind::try_from(command.kind).ok()? {
        Kind::Error => command.error.as_ref().map(|error| error.request_id),
        Kind::ProducerSuccess => command.producer_success.as_ref().map(|done| done.request_id),
        Kind::PartitionsResponse => {
            command.partitions_response.as_ref().map(|answer| answer.request_id)
        }
        Kind::LookupResponse => command.lookup_response.as_ref().map(|answer| answer.request_id),
        _ => None,
    }
}

/// The place of an answer. One that is dropped waits no more.
pub(crate) struct Expected {
    pub(crate) request: u64,
    answers: Arc<Answers>,
    receiver: oneshot::Receiver<Command>,
}

impl Expected {
    /// The answer; an error of the broker is one.
    pub(crate) async fn answer(mut self) -> Result<Command, Failure> {
        let Ok(command) = (&mut self.receiver).await else {
            let reason = self.answers.lost().unwrap_or_else(|| "the connection is gone".to_owned());
            return Err(Failure::Unavailable(reason));
        };
        match &command.error {
            Some(error) => Err(Failure::of_broker(error.error, &error.message)),
            None => Ok(command),
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.answers.waiting().requests.remove(&self.request);
    }
}
