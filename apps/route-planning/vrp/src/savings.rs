//! Builds routes under a capacity by the savings of Clarke and Wright (Operations Research 12(4),
//! 1964), parallel version.
//!
//! Every customer starts with a route of their own. Driving from `i` straight to `j` saves the way
//! over the depot: `d(depot, i) + d(depot, j) - d(i, j)`. From the largest saving down, two routes
//! are joined where `i` ends one and `j` ends another and one vehicle can take both loads. Equal
//! savings go in the order of the customers, so the result is always the same. Nothing is joined
//! that saves nothing.

use crate::instance::{Customer, Instance};
use crate::tenths::Tenths;
use std::cmp::Reverse;
use std::mem;

/// The rounds, in the order of the first of the customers each began with. None is over capacity.
pub(crate) fn rounds(instance: &Instance) -> Vec<Vec<Customer>> {
    let customers = instance.customers();
    let mut rounds = Rounds::one_each(customers, instance.capacity());
    for saving in savings(instance) {
        rounds.join(saving.first, saving.second);
    }
    let joined = rounds.rounds.into_iter().filter(|round| !round.stops.is_empty());
    joined.map(|round| round.stops.into_iter().map(|stop| customers[stop]).collect()).collect()
}

/// What it saves to drive from one customer, by position, straight to another.
struct Saving {
    saved: Tenths,
    first: u32,
    second: u32,
}

/// All that save something, the largest first.
fn savings(instance: &Instance) -> Vec<Saving> {
    let depot = instance.depot().place();
    let out = |customer: &Customer| instance.distance(depot, customer.place());
    let places = (0..).zip(instance.customers()).map(|(position, c)| (position, c.place(), out(c)));
    let places = places.collect::<Vec<_>>();
    let pairs = places.len() * places.len().saturating_sub(1) / 2;
    let mut savings = Vec::with_capacity(pairs);
    for (index, &(first, here, back)) in places.iter().enumerate() {
        for &(second, there, out) in &places[index + 1..] {
            let direct = instance.distance(here, there);
            let saved = (back + out).checked_sub(direct).filter(|saved| *saved > Tenths::ZERO);
            savings.extend(saved.map(|saved| Saving { saved, first, second }));
        }
    }
    savings.sort_unstable_by_key(|saving| (Reverse(saving.saved), saving.first, saving.second));
    savings
}

/// The rounds under construction, their stops as positions of customers. A round that was joined to
/// another is empty.
struct Rounds {
    capacity: u64,
    rounds: Vec<Round>,
    round_of: Vec<usize>,
}

#[derive(Default)]
struct Round {
    stops: Vec<usize>,
    load: u64,
}

impl Rounds {
    fn one_each(customers: &[Customer], capacity: u32) -> Self {
        let each = customers.iter().enumerate();
        let rounds = each.map(|(stop, c)| Round { stops: vec![stop], load: u64::from(c.demand) });
        Rounds {
            capacity: u64::from(capacity),
            rounds: rounds.collect(),
            round_of: (0..customers.len()).collect(),
        }
    }

    /// Joins the rounds of two customers if each is at an end of theirs and the loads fit. Ways are
    /// symmetric, so either round may be turned round.
    fn join(&mut self, first: u32, second: u32) {
        let (first, second) = (first as usize, second as usize);
        let (to, from) = (self.round_of[first], self.round_of[second]);
        let (head, tail) = (&self.rounds[to], &self.rounds[from]);
        let fits = head.load + tail.load <= self.capacity;
        if to == from || !fits || !head.ends_with(first) || !tail.ends_with(second) {
            return;
        }
        let mut tail = mem::take(&mut self.rounds[from]);
        if tail.stops.first() != Some(&second) {
            tail.stops.reverse();
        }
        for &stop in &tail.stops {
            self.round_of[stop] = to;
        }
        let head = &mut self.rounds[to];
        if head.stops.last() != Some(&first) {
            head.stops.reverse();
        }
        head.stops.append(&mut tail.stops);
        head.load += tail.load;
    }
}

impl Round {
    /// Whether `stop` is next to the depot, on either end.
    fn ends_with(&self, stop: usize) -> bool {
        self.stops.first() == Some(&stop) || self.stops.last() == Some(&stop)
    }
}
