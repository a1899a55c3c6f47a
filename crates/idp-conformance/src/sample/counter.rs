//! A counter: an aggregate without soft delete and without audit.

use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};

entity_id! {
    /// Identifies a counter.
    pub struct CounterId;
}

/// What happens to counters.
#[derive(DomainEvent, Clone, Debug, PartialEq)]
pub enum CounterEvent {
    /// It counted.
    #[event(name = "counter.counted")]
    Counted {
        /// Up to this number.
        to: i64,
    },
    /// It was looked at, which changes nothing.
    #[event(name = "counter.observed")]
    Observed,
}

/// The aggregate.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "counter", unique(name))]
#[allow(missing_docs, reason = "each field says what it is")]
pub struct Counter {
    pub id: CounterId,
    pub name: Option<String>,
    pub count: i64,
    pub events: Pending<CounterEvent>,
}

impl Counter {
    /// A counter that has not counted, and no event.
    pub fn new(id: CounterId) -> Self {
        Self { id, name: None, count: 0, events: Pending::none() }
    }

    /// Counts one on, and says so.
    pub fn count_on(&mut self) {
        self.count += 1;
        self.events.raise(CounterEvent::Counted { to: self.count });
    }

    /// Says something without changing anything.
    pub fn observe(&mut self) {
        self.events.raise(CounterEvent::Observed);
    }
}
