//! Publishing with the duplicate window: pipelined, each message for itself.
//!
//! What JetStream rejects in the middle of a pipeline does not keep it from storing what comes
//! behind. So two messages of one key are not in flight together where the first could be rejected
//! and the second stored: in a stream that pushes back when it is full, and in different topics.

use crate::acks::Answer;
use crate::call::{Call, Step};
use crate::flight::fly;
use crate::post::Post;
use idp_application::{Message, PublishError};
use idp_domain::Uuid;
use std::collections::HashMap;
use std::sync::Arc;

/// Publishes the first of the messages, as many as may be in flight together.
pub(crate) async fn advance(
    call: &mut Call<'_>,
    messages: &[Message],
) -> Result<Step, PublishError> {
    let (posts, stop) = wave(call, messages).await;
    let subjects: Vec<_> = posts.iter().map(|post| post.subject.clone()).collect();
    let ack_timeout = call.shared.config.ack_timeout;
    let answers = fly(&call.connection, posts, false, ack_timeout).await?;
    let stored = |answer: &Answer| matches!(answer, Answer::Stored(_));
    let accepted = answers.iter().take_while(|answer| stored(answer)).count();
    let stop = match answers.get(accepted) {
        Some(answer) => call.failure(answer, &subjects[accepted]).await,
        None => stop,
    };
    Ok(Step { accepted, stop })
}

/// The messages that may be in flight together, and why there are no more if the next one is the
/// reason.
async fn wave<'m>(
    call: &mut Call<'_>,
    messages: &'m [Message],
) -> (Vec<Post<'m>>, Option<PublishError>) {
    let mut posts = Vec::new();
    let mut company = Company::of(messages);
    for message in messages.iter().take(call.shared.config.in_flight_max) {
        let route = match call.route(&message.topic).await {
            Ok(route) => route,
            Err(stop) => return (posts, Some(stop)),
        };
        if !company.admits(message, route.destination.pushes_back) {
            break;
        }
        match call.post(message, route) {
            Ok(post) => posts.push(post),
            Err(stop) => return (posts, Some(stop)),
        }
    }
    (posts, None)
}

/// The keys of the messages that are in flight together, with the topic of each.
struct Company<'m> {
    has_one_topic: bool,
    keys: HashMap<(&'m str, Uuid), &'m Arc<str>>,
}

impl<'m> Company<'m> {
    fn of(messages: &'m [Message]) -> Self {
        let has_one_topic = messages.windows(2).all(|pair| pair[0].topic == pair[1].topic);
        Self { has_one_topic, keys: HashMap::new() }
    }

    /// Whether the message may be in flight with those before it.
    fn admits(&mut self, message: &'m Message, pushes_back: bool) -> bool {
        if self.has_one_topic && !pushes_back {
            return true;
        }
        let key = (message.event.tenant.as_str(), message.event.aggregate_id);
        match self.keys.insert(key, &message.topic) {
            None => true,
            Some(topic) => !pushes_back && *topic == message.topic,
        }
    }
}
