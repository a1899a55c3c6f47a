//! One call of the bus: what all its steps need.

use crate::Deduplication;
use crate::bus::Shared;
use crate::destination::Destination;
use crate::error::no_answer;
use crate::link::Connection;
use crate::names::{strict_id, strict_subject, window_id};
use crate::post::Post;
use crate::{acks::Answer, acks::Rejection, error};
use async_nats::Subject;
use idp_application::{Message, PublishError, Stream};
use std::sync::Arc;

/// A call under way.
pub(crate) struct Call<'c> {
    pub(crate) shared: &'c Shared,
    pub(crate) connection: Arc<Connection>,
    stream: &'c Stream,
    producer: String,
    /// The route of the message before.
    last: Option<(Arc<str>, Route)>,
}

/// Where a topic is.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) subject: Subject,
    pub(crate) destination: Arc<Destination>,
}

/// How far a step came, and what keeps the next from being made.
pub(crate) struct Step {
    pub(crate) accepted: usize,
    pub(crate) stop: Option<PublishError>,
}

impl<'c> Call<'c> {
    pub(crate) fn new(shared: &'c Shared, connection: Arc<Connection>, stream: &'c Stream) -> Self {
        let producer = format!("{}/{stream}", shared.config.prefix);
        Self { shared, connection, stream, producer, last: None }
    }

    /// Where a topic is. That it is nowhere is believed only after asking the server.
    pub(crate) async fn route(&mut self, topic: &Arc<str>) -> Result<Route, PublishError> {
        if let Some((_, route)) = self.last.as_ref().filter(|(last, _)| last == topic) {
            return Ok(route.clone());
        }
        let subject = match self.shared.config.deduplication {
            Deduplication::Window => topic.to_string(),
            Deduplication::Strict => strict_subject(topic, &self.shared.config.prefix, self.stream),
        };
        let mut found = self.shared.destinations().of(&subject).cloned();
        if found.is_none() {
            self.shared.ask_again(&self.connection).await.map_err(no_answer)?;
            found = self.shared.destinations().of(&subject).cloned();
        }
        let destination = found.ok_or_else(|| unknown(&subject))?;
        let route = Route { subject: Subject::from(subject), destination };
        self.last = Some((Arc::clone(topic), route.clone()));
        Ok(route)
    }

    /// A message ready to be sent.
    pub(crate) fn post<'m>(
        &self,
        message: &'m Message,
        route: Route,
    ) -> Result<Post<'m>, PublishError> {
        let id = match self.shared.config.deduplication {
            Deduplication::Window => window_id(&self.producer, message),
            Deduplication::Strict => strict_id(&self.producer, message),
        };
        let payload_max = self.connection.client().max_payload();
        Post::new(message, route.subject, id, &route.destination, payload_max)
    }

    /// The id of the mark in a subject.
    pub(crate) fn mark_id(&self, subject: &str, epoch: i64) -> String {
        format!("{}/{subject}@{epoch}", self.producer)
    }

    /// What it means that a message to that subject got this answer instead of being stored.
    pub(crate) async fn failure(
        &mut self,
        answer: &Answer,
        subject: &Subject,
    ) -> Option<PublishError> {
        match answer {
            Answer::Stored(_) => None,
            Answer::Unknown(silence) => {
                self.shared.link.give_up(&self.connection).await;
                Some(error::silence(*silence))
            }
            Answer::Rejected(Rejection::Denied) => {
                Some(error::rejection(&Rejection::Denied, subject))
            }
            Answer::Rejected(rejection) => {
                // What is known of the streams may be out of date.
                self.last = None;
                if let Err(error) = self.shared.ask_again(&self.connection).await {
                    return Some(no_answer(error));
                }
                let is_known = self.shared.destinations().of(subject).is_some();
                let stop = error::rejection(rejection, subject);
                Some(if is_known { stop } else { unknown(subject) })
            }
        }
    }
}

fn unknown(subject: &str) -> PublishError {
    PublishError::refused(0, format!("no JetStream stream of the bus has the subject {subject:?}"))
}
