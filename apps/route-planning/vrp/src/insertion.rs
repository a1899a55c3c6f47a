//! Builds routes under time windows and a capacity by nearest feasible insertion, one route after
//! the other.
//!
//! A route begins with the unserved customer whose window closes first. Then, again and again, the
//! customer is put in who costs the smallest detour, at the place where that is so, as long as the
//! load fits and nobody is served late; when there is none left, the next route begins. Equal
//! detours go in the order of the customers and of the places, so the result is always the same. It
//! is the sequential insertion of Solomon (1987) with distance as its only measure.

use crate::distance::Place;
use crate::instance::{Customer, Depot, Instance, TimeWindow};
use crate::plan_error::PlanError;
use crate::tenths::Tenths;

/// The rounds in the order in which they were begun. Fails if a customer cannot be served even
/// alone.
pub(crate) fn rounds(instance: &Instance) -> Result<Vec<Vec<Customer>>, PlanError> {
    let mut unserved = instance.customers().to_vec();
    let mut rounds = Vec::new();
    while let Some(seed) = most_urgent(&unserved) {
        let seed = unserved.remove(seed);
        let mut tour = Tour::empty(instance);
        let gap = tour.nearest_gap(&seed);
        let gap = gap.ok_or(PlanError::OutOfReach { customer: seed.number })?;
        tour.insert(seed, gap);
        while let Some((next, gap)) = nearest(&tour, &unserved) {
            tour.insert(unserved.remove(next), gap);
        }
        rounds.push(tour.stops);
    }
    Ok(rounds)
}

/// The position of the customer whose window closes first, the first of several.
fn most_urgent(unserved: &[Customer]) -> Option<usize> {
    let due = |customer: &Customer| customer.window.unwrap_or(TimeWindow::ALWAYS).due;
    let each = unserved.iter().enumerate();
    each.min_by_key(|(_, customer)| due(customer)).map(|(position, _)| position)
}

/// The position of the customer who costs the smallest detour, the first of several, and the gap to
/// put them into.
fn nearest(tour: &Tour<'_>, unserved: &[Customer]) -> Option<(usize, Gap)> {
    let each = unserved.iter().enumerate();
    each.filter_map(|(position, customer)| Some((position, tour.nearest_gap(customer)?)))
        .min_by_key(|(_, gap)| gap.detour)
}

/// A route under construction that is always on time.
struct Tour<'a> {
    instance: &'a Instance,
    stops: Vec<Customer>,
    load: u64,
    /// The depot, the stops, the depot again.
    calls: Vec<Call>,
}

/// A place on the way: when the vehicle leaves it, and how late it could arrive there with nobody
/// after it served late.
#[derive(Clone, Copy)]
struct Call {
    place: Place,
    window: TimeWindow,
    leave: Tenths,
    latest: Tenths,
}

/// Between which stops to put a customer, and what detour that is.
#[derive(Clone, Copy)]
struct Gap {
    before: usize,
    detour: Tenths,
}

impl<'a> Tour<'a> {
    fn empty(instance: &'a Instance) -> Self {
        let mut tour = Tour { instance, stops: Vec::new(), load: 0, calls: Vec::new() };
        tour.schedule();
        tour
    }

    /// The cheapest gap that `customer` fits into, the first of several.
    fn nearest_gap(&self, customer: &Customer) -> Option<Gap> {
        if self.load + u64::from(customer.demand) > u64::from(self.instance.capacity()) {
            return None;
        }
        let legs = self.calls.windows(2).enumerate();
        let gaps = legs.filter_map(|(before, leg)| match leg {
            [from, to] => Some(Gap { before, detour: self.detour(from, customer, to)? }),
            _ => None,
        });
        gaps.min_by_key(|gap| gap.detour)
    }

    /// How much longer the way gets, if everyone is still on time.
    fn detour(&self, from: &Call, customer: &Customer, to: &Call) -> Option<Tenths> {
        let here = customer.place();
        let window = customer.window.unwrap_or(TimeWindow::ALWAYS);
        let there = self.instance.distance(from.place, here);
        let onward = self.instance.distance(here, to.place);
        let arrival = from.leave + there;
        let on_time = arrival <= window.due && window.leave(arrival) + onward <= to.latest;
        let direct = self.instance.distance(from.place, to.place);
        on_time.then(|| (there + onward).saturating_sub(direct))
    }

    fn insert(&mut self, customer: Customer, gap: Gap) {
        self.stops.insert(gap.before, customer);
        self.load += u64::from(customer.demand);
        self.schedule();
    }

    /// Leaves each place as early as possible (forwards), then finds how late each could be reached
    /// (backwards).
    fn schedule(&mut self) {
        let depot = self.instance.depot();
        let home = Call::depot(&depot);
        let mut calls = vec![home];
        let mut last = home;
        for stop in self.stops.iter().map(Call::customer).chain([home]) {
            let leave =
                stop.window.leave(last.leave + self.instance.distance(last.place, stop.place));
            last = Call { leave, ..stop };
            calls.push(last);
        }
        let mut next = home;
        for call in calls.iter_mut().rev().skip(1) {
            let way = self.instance.distance(call.place, next.place) + call.window.service;
            call.latest = call.window.due.min(next.latest.saturating_sub(way));
            next = *call;
        }
        self.calls = calls;
    }
}

impl Call {
    fn depot(depot: &Depot) -> Self {
        // What is loaded at the depot is loaded before its window opens.
        let window = depot.window.unwrap_or(TimeWindow::ALWAYS);
        let window = TimeWindow { service: Tenths::ZERO, ..window };
        Call { place: depot.place(), window, leave: window.ready, latest: window.due }
    }

    fn customer(customer: &Customer) -> Self {
        let window = customer.window.unwrap_or(TimeWindow::ALWAYS);
        let latest = window.due;
        Call { place: customer.place(), window, leave: window.leave(window.ready), latest }
    }
}
