//! Acknowledgements: where they come in, and what they say.

use crate::denials::Denials;
use async_nats::{Client, StatusCode, Subject, SubscribeError, Subscriber};
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::time::Instant;

/// What became of a message that was sent.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It is stored under that number of the JetStream stream, now or before.
    Stored(u64),
    /// It is not stored.
    Rejected(Rejection),
    /// It is not known.
    Unknown(Silence),
}

/// Why a message was not stored.
#[derive(Clone, Debug)]
pub(crate) enum Rejection {
    /// JetStream says why.
    Api(ApiError),
    /// Nobody listens on the subject.
    NoResponders,
    /// The server lets nobody like us publish to the subject.
    Denied,
}

/// Why nothing is known about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The connection was lost.
    Lost,
    /// The server did not answer in time.
    Late,
}

/// An error as JetStream puts it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ApiError {
    #[serde(default)]
    pub(crate) code: u16,
    #[serde(default)]
    pub(crate) err_code: u64,
    #[serde(default)]
    pub(crate) description: String,
}

#[derive(Deserialize)]
struct Ack {
    #[serde(default)]
    seq: u64,
    error: Option<ApiError>,
}

/// A subscription for acknowledgements, used by one call at a time.
#[derive(Debug)]
pub(crate) struct AckInbox {
    subscriber: Subscriber,
    address: String,
    next: u64,
}

impl AckInbox {
    pub(crate) async fn open(client: &Client) -> Result<Self, SubscribeError> {
        let address = client.new_inbox();
        let subscriber = client.subscribe(format!("{address}.*")).await?;
        Ok(Self { subscriber, address, next: 0 })
    }

    /// Expects one more answer, and says where to.
    pub(crate) fn expect(&mut self) -> String {
        self.next += 1;
        format!("{}.{}", self.address, self.next)
    }

    /// Waits for the answers to the last messages, sent to these subjects since so many denials:
    /// one answer each, in the order in which they were expected.
    pub(crate) async fn collect(
        &mut self,
        subjects: &[Subject],
        denials: (&Denials, u64),
        until: Instant,
    ) -> Vec<Answer> {
        let (denials, before) = denials;
        let mut answers = Answers::new(self.next, subjects.len());
        let timer = tokio::time::sleep_until(until);
        tokio::pin!(timer);
        while !answers.are_complete() {
            let denied = denials.next();
            tokio::pin!(denied);
            for index in denials.since(before, subjects.iter().map(Subject::as_str)) {
                answers.put(index, Answer::Rejected(Rejection::Denied));
            }
            let mut is_news = false;
            while !answers.are_complete() && !is_news {
                tokio::select! {
                    biased;
                    message = self.subscriber.next() => match message {
                        Some(message) => answers.take(&message, &self.address),
                        None => return answers.with_silence(Silence::Lost),
                    },
                    () = &mut denied => is_news = true,
                    () = &mut timer => return answers.with_silence(Silence::Late),
                }
            }
        }
        answers.with_silence(Silence::Late)
    }
}

/// Answers as they come in.
struct Answers {
    first: u64,
    answers: Vec<Option<Answer>>,
    missing: usize,
}

impl Answers {
    fn new(last: u64, count: usize) -> Self {
        let first = last + 1 - count as u64;
        Self { first, answers: (0..count).map(|_| None).collect(), missing: count }
    }

    fn are_complete(&self) -> bool {
        self.missing == 0
    }

    fn put(&mut self, index: usize, answer: Answer) {
        if let Some(place @ None) = self.answers.get_mut(index) {
            *place = Some(answer);
            self.missing -= 1;
        }
    }

    /// Takes an answer to one of the messages; others are leftovers of before.
    fn take(&mut self, message: &async_nats::Message, address: &str) {
        let number = message.subject.strip_prefix(address).and_then(|rest| rest.strip_prefix('.'));
        let index = number.and_then(|number| number.parse::<u64>().ok()?.checked_sub(self.first));
        if let Some(index) = index.and_then(|index| usize::try_from(index).ok()) {
            self.put(index, answer(message));
        }
    }

    fn with_silence(self, silence: Silence) -> Vec<Answer> {
        self.answers.into_iter().map(|answer| answer.unwrap_or(Answer::Unknown(silence))).collect()
    }
}

/// What an acknowledgement says.
pub(crate) fn answer(message: &async_nats::Message) -> Answer {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Answer::Rejected(Rejection::NoResponders);
    }
    match serde_json::from_slice(&message.payload) {
        Ok(Ack { error: Some(error), .. }) => Answer::Rejected(Rejection::Api(error)),
        Ok(Ack { seq, error: None }) if seq > 0 => Answer::Stored(seq),
        _ => {
            let description = "the answer is no acknowledgement of JetStream".to_owned();
            Answer::Rejected(Rejection::Api(ApiError { description, ..ApiError::default() }))
        }
    }
}
