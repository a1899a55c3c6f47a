//! Which messages the bus takes over: what real brokers refuse, drop and fence.

use idp_application::{BusGuarantees, Duplicates, Message, PublishError, Stream};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) data_bytes_max: Option<usize>,
    pub(super) stores_once: bool,
    pub(super) fences: bool,
}

/// The topics of the bus.
#[derive(Debug, Default)]
pub(super) struct Topics {
    /// Those that there are; `None` for any.
    pub(super) known: Option<BTreeSet<Arc<str>>>,
    /// Those that take no more.
    pub(super) full: BTreeSet<Arc<str>>,
}

/// What was seen of each stream.
pub(super) type Marks = HashMap<Arc<Stream>, Mark>;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    epoch: i64,
    sequence: i64,
}

impl Rules {
    pub(super) fn guarantees(&self) -> BusGuarantees {
        BusGuarantees {
            duplicates: if self.stores_once { Duplicates::Never } else { Duplicates::Possible },
            fences_zombies: self.fences,
            data_bytes_max: self.data_bytes_max,
        }
    }

    /// Whether the message is to be stored; one that is stored already is not. It comes after that
    /// many accepted ones.
    pub(super) fn admit(
        &self,
        topics: &Topics,
        marks: &mut Marks,
        message: &Message,
        accepted: usize,
    ) -> Result<bool, PublishError> {
        let known = marks.get(&message.stream).copied().unwrap_or_default();
        if self.fences && message.epoch < known.epoch {
            return Err(PublishError::fenced(accepted, "a newer epoch publishes this stream"));
        }
        if topics.known.as_ref().is_some_and(|known| !known.contains(&message.topic)) {
            return Err(PublishError::refused(accepted, "there is no such topic"));
        }
        if self.data_bytes_max.is_some_and(|bytes_max| message.event.data.len() > bytes_max) {
            return Err(PublishError::refused(accepted, "the message is too large"));
        }
        let is_new = !self.stores_once || message.sequence > known.sequence;
        if is_new && topics.full.contains(&message.topic) {
            return Err(PublishError::topic_unavailable(accepted, None, "the topic is full"));
        }
        let mark = marks.entry(Arc::clone(&message.stream)).or_default();
        mark.epoch = mark.epoch.max(message.epoch);
        mark.sequence = mark.sequence.max(message.sequence);
        Ok(is_new)
    }
}
