//! The producers that a connection has declared.

use std::collections::HashMap;
use std::sync::Arc;

/// How many producers a connection has at most. The protocol allows 256.
const PRODUCERS_MAX: u8 = 200;

/// Which producer has which number on a connection. Those that were not used for the longest time
/// make room for others.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    known: HashMap<Producer, Known>,
    /// The one that was used last: mostly it is used again.
    last: Option<(Producer, u8)>,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug)]
struct Known {
    id: u8,
    used: u64,
}

/// Who publishes: one sequence of numbers in one stream of RabbitMQ.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Producer {
    /// The prefix and the text of our stream, by which the broker knows the producer.
    pub(crate) name: Arc<str>,
    /// The stream of RabbitMQ.
    pub(crate) topic: Arc<str>,
}

impl Producers {
    /// The number of a producer that was declared.
    pub(crate) fn find(&mut self, producer: &Producer) -> Option<u8> {
        if let Some((last, id)) = &self.last
            && last == producer
        {
            return Some(*id);
        }
        self.clock += 1;
        let known = self.known.get_mut(producer)?;
        known.used = self.clock;
        let id = known.id;
        self.last = Some((producer.clone(), id));
        Some(id)
    }

    /// Whether one of that name was declared.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.known.keys().any(|producer| &*producer.name == name)
    }

    /// A number for another producer, and whether it must be taken from the one that has it.
    pub(crate) fn number(&mut self) -> (u8, bool) {
        let taken: Vec<u8> = self.known.values().map(|known| known.id).collect();
        if let Some(free) = (0..PRODUCERS_MAX).find(|id| !taken.contains(id)) {
            return (free, false);
        }
        let oldest = self.known.iter().min_by_key(|(_, known)| known.used);
        let (producer, id) = oldest
            .map(|(producer, known)| (producer.clone(), known.id))
            .expect("there is one: all numbers are taken");
        self.remove(|known| *known == producer);
        (id, true)
    }

    pub(crate) fn add(&mut self, producer: Producer, id: u8) {
        self.known.insert(producer, Known { id, used: self.clock });
    }

    /// The broker forgot all that publish there.
    pub(crate) fn forget(&mut self, topic: &str) {
        self.remove(|producer| &*producer.topic == topic);
    }

    fn remove(&mut self, is_meant: impl Fn(&Producer) -> bool) {
        self.known.retain(|producer, _| !is_meant(producer));
        self.last = self.last.take().filter(|(producer, _)| !is_meant(producer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn producer(number: usize) -> Producer {
        Producer { name: "orders/1".into(), topic: format!("topic-{number}").into() }
    }

    #[test]
    fn the_producer_that_was_not_used_for_the_longest_time_makes_room() {
        let mut producers = Producers::default();
        for number in 0..usize::from(PRODUCERS_MAX) {
            let (id, is_taken) = producers.number();
            assert!(!is_taken);
            producers.add(producer(number), id);
            assert_eq!(producers.find(&producer(number)), Some(id));
        }
        producers.find(&producer(0));
        let oldest = producers.find(&producer(1)).expect("declared");
        for number in (0..usize::from(PRODUCERS_MAX)).filter(|number| *number != 1) {
            producers.find(&producer(number));
        }
        assert_eq!(producers.number(), (oldest, true));
        assert_eq!(producers.find(&producer(1)), None);
        producers.forget("topic-5");
        assert_eq!(producers.find(&producer(5)), None);
        assert!(producers.knows("orders/1") && !producers.knows("orders/2"));
    }
}
