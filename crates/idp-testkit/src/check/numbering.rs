//! Numbers are dense in each stream, in the order of first arrival, and stay with their event. Where
//! events are left out (filtered, or set aside and sent later under another number), the first
//! arrivals may come late and leave gaps; then a number must not be given to two events.

use crate::{Delivery, History, Violation};
use idp_domain::Uuid;
use std::collections::HashMap;

pub(super) fn check(history: &History) -> Vec<Violation> {
    let mut numbers = Numbers::default();
    let mut lanes = HashMap::new();
    let mut violations = Vec::new();
    for delivery in &history.deliveries {
        let Delivery { event, lane, sequence, .. } = *delivery;
        let is_same_lane = *lanes.entry(event).or_insert(lane) == lane;
        let expected = match is_same_lane {
            true if history.has_gaps => numbers.expected_unique(delivery),
            true => numbers.expected_dense(delivery),
            false => None,
        };
        if expected != Some(sequence) {
            violations.push(Violation::Misnumbered { event, lane, sequence, expected });
        }
    }
    violations
}

#[derive(Default)]
struct Numbers<'h> {
    by_event: HashMap<(&'h str, Uuid), i64>,
    by_number: HashMap<(&'h str, i64), Uuid>,
    last: HashMap<&'h str, i64>,
}

impl<'h> Numbers<'h> {
    fn expected_dense(&mut self, delivery: &'h Delivery) -> Option<i64> {
        let (stream, sequence) = (delivery.stream.as_str(), delivery.sequence);
        if let Some(known) = self.by_event.get(&(stream, delivery.event)) {
            return Some(*known);
        }
        self.by_event.insert((stream, delivery.event), sequence);
        // Later messages are held against what this one said, so that one mistake is reported once.
        Some(self.last.insert(stream, sequence).unwrap_or_default() + 1)
    }

    fn expected_unique(&mut self, delivery: &'h Delivery) -> Option<i64> {
        let number = (delivery.stream.as_str(), delivery.sequence);
        let event = *self.by_number.entry(number).or_insert(delivery.event);
        (event == delivery.event).then_some(delivery.sequence)
    }
}
