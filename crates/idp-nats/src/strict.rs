//! Publishing by compare-and-append: a chain in which each message is stored only behind the one
//! before it.
//!
//! The first message of a subject in a chain names the message that must be the last of its subject
//! (`Nats-Expected-Last-Subject-Sequence`). Each further one names the message of the chain before
//! it, which must be the last of the whole JetStream stream (`Nats-Expected-Last-Msg-Id`): its number
//! there cannot be known before it is stored, and a guess that is wrong could let a message in whose
//! predecessor was rejected. Who else publishes to the JetStream stream breaks a chain at times. What
//! is behind the break is rejected as a whole and sent again, in shorter chains.

use crate::acks::Answer;
use crate::call::{Call, Route, Step};
use crate::error::has_moved;
use crate::flight::fly;
use crate::mark::mark;
use crate::post::Post;
use crate::top::Top;
use async_nats::Subject;
use async_nats::header::{NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE};
use idp_application::{Message, PublishError};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How often the first message of a chain may be rejected because its subject has moved.
const ATTEMPTS_MAX: u32 = 8;

/// A chain, ready to be sent.
#[derive(Default)]
struct Chain<'m> {
    /// How many messages before it are stored already.
    skipped: usize,
    posts: Vec<Post<'m>>,
    route: Option<Route>,
    subjects: HashSet<String>,
    /// What the server said of subjects since it was begun.
    asked: HashMap<String, Top>,
    /// Why it is not longer, if the next message is the reason.
    stop: Option<PublishError>,
}

/// Publishes the first of the messages, as many as go in one chain.
pub(crate) async fn advance(
    call: &mut Call<'_>,
    messages: &[Message],
) -> Result<Step, PublishError> {
    for _ in 0..ATTEMPTS_MAX {
        let Chain { skipped, posts, route, stop, .. } = chain(call, messages).await;
        let Some(route) = route.filter(|_| !posts.is_empty()) else {
            return Ok(Step { accepted: skipped, stop });
        };
        let sent: Vec<_> = posts.iter().map(|post| (post.subject.clone(), post.message)).collect();
        let answers = fly(&call.connection, posts, true, call.shared.config.ack_timeout).await?;
        let stored = learn(call, &sent, &answers);
        let accepted = skipped + stored;
        match answers.get(stored) {
            None => {
                route.destination.pace().on_held(stored);
                return Ok(Step { accepted, stop });
            }
            Some(Answer::Rejected(rejection)) if has_moved(rejection) => {
                route.destination.pace().on_broken(stored);
                if accepted > 0 {
                    return Ok(Step { accepted, stop: None });
                }
            }
            Some(answer) => {
                let stop = call.failure(answer, &sent[stored].0).await;
                return Ok(Step { accepted, stop });
            }
        }
    }
    Err(PublishError::unavailable(0, "the subject keeps changing: somebody else publishes to it"))
}

/// Puts the chain together.
async fn chain<'m>(call: &mut Call<'_>, messages: &'m [Message]) -> Chain<'m> {
    let mut chain = Chain::default();
    for message in messages {
        match link(call, &mut chain, message).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(stop) => {
                chain.stop = Some(stop);
                break;
            }
        }
    }
    chain
}

/// Adds a message, or passes it over because it is stored; false if the chain ends before it.
async fn link<'m>(
    call: &mut Call<'_>,
    chain: &mut Chain<'m>,
    message: &'m Message,
) -> Result<bool, PublishError> {
    let route = call.route(&message.topic).await?;
    let first = chain.route.get_or_insert_with(|| route.clone());
    let is_elsewhere = !Arc::ptr_eq(&first.destination, &route.destination);
    if is_elsewhere || chain.posts.len() >= route.destination.pace().window() {
        return Ok(false);
    }
    if chain.subjects.contains(route.subject.as_str()) {
        let post = call.post(message, route)?;
        chain.append(post, None);
        return Ok(true);
    }
    let top = look_up(call, &mut chain.asked, &route, message).await?;
    if top.has(message, &route)? {
        if !chain.posts.is_empty() {
            return Ok(false);
        }
        if call.shared.config.marks_takeovers && top.epoch < message.epoch {
            chain.asked.remove(route.subject.as_str());
            let top = mark(call, &route, &top, message.epoch).await?;
            chain.asked.extend(top.map(|top| (route.subject.to_string(), top)));
            // It is looked up again: who was faster may have been of a newer epoch.
            return Box::pin(link(call, chain, message)).await;
        }
        chain.skipped += 1;
        return Ok(true);
    }
    let post = call.post(message, route)?;
    chain.subjects.insert(post.subject.to_string());
    chain.append(post, Some(top.stored_as));
    Ok(true)
}

/// The last message of the subject. What is remembered is believed as long as it says that the
/// message is not stored: the server will object if that is wrong.
async fn look_up(
    call: &Call<'_>,
    asked: &mut HashMap<String, Top>,
    route: &Route,
    message: &Message,
) -> Result<Top, PublishError> {
    if let Some(top) = asked.get(route.subject.as_str()) {
        return Ok(top.clone());
    }
    let known = call.shared.tops.take(&route.subject, message.epoch);
    if let Some(top) = known
        && !top.has(message, route)?
    {
        return Ok(top);
    }
    let top = Top::ask(&call.connection, route).await?;
    asked.insert(route.subject.to_string(), top.clone());
    Ok(top)
}

impl<'m> Chain<'m> {
    /// Adds a message behind the last, and behind that number of its subject.
    fn append(&mut self, mut post: Post<'m>, behind: Option<u64>) {
        if let Some(number) = behind {
            post.headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, number.to_string());
        }
        if let Some(last) = self.posts.last() {
            post.headers.insert(NATS_EXPECTED_LAST_MESSAGE_ID, last.id.as_str());
        }
        self.posts.push(post);
    }
}

/// How many were stored from the first; remembers what they tell of their subjects.
fn learn(call: &Call<'_>, sent: &[(Subject, &Message)], answers: &[Answer]) -> usize {
    let mut tops = HashMap::new();
    let mut stored = 0;
    for ((subject, message), answer) in sent.iter().zip(answers) {
        let Answer::Stored(number) = answer else {
            // Nothing is certain about the subject of what failed.
            tops.remove(subject.as_str());
            break;
        };
        tops.insert(subject.as_str(), (*message, *number));
        stored += 1;
    }
    for (subject, (message, number)) in tops {
        call.shared.tops.put(subject, Top::of(message, number));
    }
    stored
}
