//! Where this bus has had messages routed to, over all of its connections.
//!
//! RabbitMQ says the same of a queue that never was and of one whose node is down: such a queue is taken
//! out of the routing until its node is back. What was routed a while ago is waited for before a
//! message is refused for it.

use idp_application::Message;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many addresses are remembered at most.
const WAYS_MAX: usize = 10_000;

/// The addresses that were routed, and since when they are not any more.
#[derive(Debug, Default)]
pub(crate) struct Routes(Mutex<HashMap<Way, Option<Instant>>>);

/// The topic and the type of the event.
type Way = (Arc<str>, Cow<'static, str>);

impl Routes {
    /// The message was routed.
    pub(crate) fn routed(&self, message: &Message) {
        let mut ways = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ways.len() >= WAYS_MAX {
            ways.clear();
        }
        ways.insert(way(message), None);
    }

    /// The message was routed nowhere. Whether that may pass: others were routed from there, and it is
    /// not so long ago that the first came back.
    pub(crate) fn may_come_back(&self, message: &Message, grace: Duration) -> bool {
        let mut ways = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lost) = ways.get_mut(&way(message)) else { return false };
        lost.get_or_insert_with(Instant::now).elapsed() < grace
    }
}

fn way(message: &Message) -> Way {
    (Arc::clone(&message.topic), message.event.event_type.clone())
}
