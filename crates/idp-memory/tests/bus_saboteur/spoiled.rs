//! Bugs in what becomes of messages on their way, and in what is said of them.

use super::Bug;
use idp_application::{Message, PublishError, PublishFailure};
use std::sync::Arc;

/// The messages as the bug leaves them.
pub(super) fn messages(bug: Bug, messages: &[Message]) -> Vec<Message> {
    let mut spoilt = messages.to_vec();
    match bug {
        Bug::SwapsTwoMessages if spoilt.len() > 1 => spoilt.swap(0, 1),
        Bug::SplitsLargeBatches if spoilt.len() > 500 => spoilt.rotate_left(500),
        Bug::StoresInTheFirstTopic => {
            for at in 1..spoilt.len() {
                spoilt[at].topic = Arc::clone(&spoilt[0].topic);
            }
        }
        _ => spoilt.iter_mut().for_each(|message| spoil(bug, message)),
    }
    spoilt
}

fn spoil(bug: Bug, message: &mut Message) {
    let event = &mut message.event;
    match bug {
        Bug::DropsAnAttribute => drop(event.metadata.remove("traceparent")),
        Bug::ForgetsTheContentType => event.content_type = "application/json".into(),
        Bug::EncodesTwice => {
            for value in event.metadata.values_mut() {
                *value = value.replace('%', "%25");
            }
        }
        Bug::BreaksHeaders => {
            let remark = event.metadata.get("remark").cloned().unwrap_or_default();
            if let Some((remark, forged)) = remark.split_once("\r\n") {
                event.metadata.insert("forged".into(), forged.into());
                event.metadata.insert("remark".into(), remark.into());
            }
        }
        Bug::CutsDataAtAZero => {
            let end = event.data.iter().position(|byte| *byte == 0);
            event.data.truncate(end.unwrap_or(event.data.len()));
        }
        _ => {}
    }
}

/// The outcome as the bug tells it, of so many messages.
pub(super) fn outcome(
    bug: Bug,
    outcome: Result<(), PublishError>,
    messages: &[Message],
) -> Result<(), PublishError> {
    use PublishFailure::{Fenced, Refused, Throttled, TopicUnavailable, Unavailable};
    let mut error = match outcome {
        Err(error) => error,
        Ok(()) => return Ok(()),
    };
    let is_unknown = messages.get(error.accepted).is_some_and(|next| &*next.topic == "nowhere");
    match (bug, error.failure) {
        (Bug::CallsTooLargeUnavailable, Refused) if !is_unknown => error.failure = Unavailable,
        (Bug::CallsAnUnknownTopicUnavailable, Refused) if is_unknown => {
            error.failure = Unavailable;
        }
        (Bug::ForgetsWhatItTookBeforeARefusal, Refused) => error.accepted = 0,
        (Bug::CountsARefusedMessageAsTaken, Refused) => error.accepted += 1,
        (Bug::CallsAFenceUnavailable, Fenced) => error.failure = Unavailable,
        (Bug::CallsACutARefusal, Unavailable) => error.failure = Refused,
        (Bug::RefusesForWantOfRoom, TopicUnavailable(_)) => error.failure = Refused,
        (Bug::DropsForWantOfRoom, TopicUnavailable(_)) => return Ok(()),
        (Bug::CountsWhatFoundNoRoomAsTaken, TopicUnavailable(_)) => error.accepted += 1,
        (Bug::ThrottlesAllForOneTopic, TopicUnavailable(_)) => error.failure = Throttled(None),
        (Bug::ClaimsOneTooMany, Unavailable) if error.accepted > 0 => error.accepted += 1,
        _ => {}
    }
    Err(error)
}
