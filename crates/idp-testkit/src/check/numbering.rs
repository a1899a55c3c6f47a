//! Numbers are dense in each lane, in the order of first arrival, and stay with their event.

use crate::{History, Violation};
use std::collections::HashMap;

pub(super) fn check(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut numbers = HashMap::new();
    let mut counts: HashMap<i16, i64> = HashMap::new();
    for delivery in &history.deliveries {
        let (lane, sequence) = (delivery.lane, delivery.sequence);
        let expected = match numbers.get(&delivery.event) {
            Some((known_lane, known)) => (*known_lane == lane).then_some(*known),
            None => {
                let count = counts.entry(lane).or_default();
                *count += 1;
                // Later messages are held against what this one said, so that one mistake is
                // reported once.
                let expected = std::mem::replace(count, sequence);
                numbers.insert(delivery.event, (lane, sequence));
                Some(expected)
            }
        };
        if expected != Some(sequence) {
            let event = delivery.event;
            violations.push(Violation::Misnumbered { event, lane, sequence, expected });
        }
    }
    violations
}
