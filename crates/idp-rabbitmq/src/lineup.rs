//! Which message of a call may be sent next.
//!
//! At most one message of an aggregate is under way: the broker may refuse one message (its queue is
//! full, say) and take the next, so that the order within an aggregate is kept only by waiting.
//! Messages of other aggregates need not wait.

use idp_application::Message;
use idp_domain::{TenantId, Uuid};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

/// The messages of a call that were not sent yet.
#[derive(Debug)]
pub(crate) struct Lineup<'m> {
    messages: &'m [Message],
    /// All before it were sent or are held back.
    fresh: usize,
    /// No message from here on is sent.
    end: usize,
    /// The aggregates of which a message is under way, or may be sent next, with those behind it.
    held: HashMap<Key<'m>, VecDeque<usize>>,
    /// Was held back and may be sent now.
    freed: BinaryHeap<Reverse<usize>>,
}

type Key<'m> = (&'m TenantId, Uuid);

impl<'m> Lineup<'m> {
    pub(crate) fn of(messages: &'m [Message]) -> Self {
        let (held, freed) = (HashMap::new(), BinaryHeap::new());
        Self { messages, fresh: 0, end: messages.len(), held, freed }
    }

    /// The first message that may be sent. It stays where it is.
    pub(crate) fn peek(&mut self) -> Option<usize> {
        if let Some(Reverse(index)) = self.freed.peek() {
            return (*index < self.end).then_some(*index);
        }
        while self.fresh < self.end {
            let key = self.key(self.fresh);
            let Some(behind) = self.held.get_mut(&key) else {
                return Some(self.fresh);
            };
            behind.push_back(self.fresh);
            self.fresh += 1;
        }
        None
    }

    /// Takes the message that [`peek`](Self::peek) shows: it is under way.
    pub(crate) fn take(&mut self) -> Option<usize> {
        let index = self.peek()?;
        if self.freed.pop().is_none() {
            self.held.insert(self.key(index), VecDeque::new());
            self.fresh += 1;
        }
        Some(index)
    }

    /// That message is no longer under way, and what is behind it may follow.
    pub(crate) fn done(&mut self, index: usize) {
        let key = self.key(index);
        match self.held.get_mut(&key).and_then(VecDeque::pop_front) {
            Some(next) => self.freed.push(Reverse(next)),
            None => {
                self.held.remove(&key);
            }
        }
    }

    /// That message and those behind it are not sent any more.
    pub(crate) fn end_before(&mut self, index: usize) {
        self.end = self.end.min(index);
    }

    fn key(&self, index: usize) -> Key<'m> {
        let event = &self.messages[index].event;
        (&event.tenant, event.aggregate_id)
    }
}
