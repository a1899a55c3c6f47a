//! Which message of a call may be sent next.
//!
//! The broker may refuse one message (its queue is full, say) and take the next, so that the order
//! within an aggregate is kept for sure only by waiting. Unless the configuration says otherwise, at most
//! one message of an aggregate is under way; in a window, several to one address. Messages of other
//! aggregates need not wait.

use crate::config::RabbitOrder;
use idp_application::Message;
use idp_domain::{TenantId, Uuid};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

/// The messages of a call that were not sent yet.
#[derive(Debug)]
pub(crate) struct Lineup<'m> {
    messages: &'m [Message],
    order: RabbitOrder,
    /// All before it were sent or are held back.
    fresh: usize,
    /// No message from here on is sent.
    end: usize,
    /// The aggregates of which a message is under way, or may be sent next.
    held: HashMap<Key<'m>, Held>,
    /// Was held back and may be sent now.
    freed: BinaryHeap<Reverse<usize>>,
}

type Key<'m> = (&'m TenantId, Uuid);

#[derive(Debug)]
struct Held {
    /// How many are under way, or may be sent next: all to one address.
    ahead: usize,
    /// One of those.
    example: usize,
    /// Those behind them.
    behind: VecDeque<usize>,
}

impl<'m> Lineup<'m> {
    pub(crate) fn of(messages: &'m [Message], order: RabbitOrder) -> Self {
        let (held, freed) = (HashMap::new(), BinaryHeap::new());
        Self { messages, order, fresh: 0, end: messages.len(), held, freed }
    }

    /// The first message that may be sent. It stays where it is.
    pub(crate) fn peek(&mut self) -> Option<usize> {
        if let Some(Reverse(index)) = self.freed.peek() {
            return (*index < self.end).then_some(*index);
        }
        while self.fresh < self.end {
            let (order, messages, fresh) = (self.order, self.messages, self.fresh);
            let Some(held) = self.held.get_mut(&key(messages, fresh)) else {
                return Some(fresh);
            };
            if held.behind.is_empty() && may_follow(order, messages, held.example, fresh) {
                return Some(fresh);
            }
            held.behind.push_back(fresh);
            self.fresh += 1;
        }
        None
    }

    /// Takes the message that [`peek`](Self::peek) shows: it is under way.
    pub(crate) fn take(&mut self) -> Option<usize> {
        let index = self.peek()?;
        if self.freed.pop().is_none() {
            let none = Held { ahead: 0, example: index, behind: VecDeque::new() };
            self.held.entry(key(self.messages, index)).or_insert(none).ahead += 1;
            self.fresh += 1;
        }
        Some(index)
    }

    /// That message is no longer under way, and what is behind it may follow.
    pub(crate) fn done(&mut self, index: usize) {
        let (order, messages) = (self.order, self.messages);
        let key = key(messages, index);
        let Some(held) = self.held.get_mut(&key) else { return };
        held.ahead = held.ahead.saturating_sub(1);
        if held.ahead > 0 {
            return;
        }
        let Some(next) = held.behind.pop_front() else {
            self.held.remove(&key);
            return;
        };
        (held.ahead, held.example) = (1, next);
        self.freed.push(Reverse(next));
        while let Some(index) =
            held.behind.pop_front_if(|index| may_follow(order, messages, next, *index))
        {
            held.ahead += 1;
            self.freed.push(Reverse(index));
        }
    }

    /// That message and those behind it are not sent any more.
    pub(crate) fn end_before(&mut self, index: usize) {
        self.end = self.end.min(index);
    }
}

fn key(messages: &[Message], index: usize) -> Key<'_> {
    let event = &messages[index].event;
    (&event.tenant, event.aggregate_id)
}

/// Whether a message of an aggregate may be sent while one before it is under way.
fn may_follow(order: RabbitOrder, messages: &[Message], first: usize, next: usize) -> bool {
    let [first, next] = [first, next].map(|index| &messages[index]);
    match order {
        RabbitOrder::Strict => false,
        RabbitOrder::Window => {
            first.topic == next.topic && first.event.event_type == next.event.event_type
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::messages;
    use RabbitOrder::{Strict, Window};

    fn taken(lineup: &mut Lineup<'_>) -> Vec<usize> {
        std::iter::from_fn(|| lineup.take()).collect()
    }

    #[test]
    fn one_message_of_an_aggregate_is_under_way_unless_there_is_a_window() {
        let messages = messages(&[(1, "a"), (1, "a"), (2, "a"), (1, "a"), (1, "b"), (1, "a")]);
        let mut strict = Lineup::of(&messages, Strict);
        assert_eq!(taken(&mut strict), [0, 2]);
        for (done, next) in [(0, 1), (1, 3), (3, 4), (4, 5)] {
            strict.done(done);
            assert_eq!(taken(&mut strict), [next]);
        }
        let mut window = Lineup::of(&messages, Window);
        assert_eq!(taken(&mut window), [0, 1, 2, 3]);
        window.done(1);
        window.done(0);
        assert!(taken(&mut window).is_empty(), "the other address waits for all of the first");
        window.done(3);
        assert_eq!(taken(&mut window), [4]);
        window.done(4);
        assert_eq!(taken(&mut window), [5]);
    }

    #[test]
    fn a_run_that_was_held_back_goes_out_together_and_nothing_passes_it() {
        let ways = [(1, "a"), (1, "b"), (1, "b"), (1, "b"), (1, "a"), (1, "b")];
        let messages = messages(&ways);
        let mut window = Lineup::of(&messages, Window);
        assert_eq!(taken(&mut window), [0]);
        window.done(0);
        assert_eq!(taken(&mut window), [1, 2, 3]);
        window.end_before(5);
        for done in [1, 2, 3] {
            window.done(done);
        }
        assert_eq!(taken(&mut window), [4]);
        window.done(4);
        assert!(taken(&mut window).is_empty(), "behind the end");
    }
}
