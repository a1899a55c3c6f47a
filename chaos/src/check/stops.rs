//! Guarantee m: while processes are stopped gracefully and started again, nothing arrives twice.

use super::Finding;
use crate::journal::{Line, Mark};
use idp_testkit::Entry;
use std::collections::HashSet;

pub(super) fn check(lines: &[Line]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut arrived = HashSet::new();
    let mut stops: Option<(u32, u32)> = None;
    for line in lines {
        match line {
            Line::Mark { mark: Mark::StopsBegan } => stops = Some((0, 0)),
            Line::Mark { mark: Mark::Stopped { process, is_graceful } } => {
                if let Some((count, _)) = &mut stops {
                    *count += 1;
                }
                if !is_graceful {
                    let text = format!("relay process {process} did not stop gracefully");
                    findings.push(Finding::new("m", text));
                }
            }
            Line::Mark { mark: Mark::StopsEnded } => {
                findings.extend(stops.take().and_then(verdict));
            }
            Line::Entry(Entry::Delivery(delivery)) => {
                let is_new = arrived.insert(delivery.event);
                if let Some((_, again)) = &mut stops {
                    *again += u32::from(!is_new);
                }
            }
            _ => {}
        }
    }
    findings
}

fn verdict((count, again): (u32, u32)) -> Option<Finding> {
    match (count, again) {
        (0, _) => Some(Finding::new("m", "no process was stopped gracefully")),
        (_, 0) => None,
        (count, again) => {
            let text = format!("{again} messages arrived again during {count} graceful stops");
            Some(Finding::new("m", text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{arrival, mark};
    use super::*;

    fn during(inside: Vec<Line>) -> Vec<Line> {
        let mut lines = vec![arrival(1), arrival(1), mark(Mark::StopsBegan)];
        lines.extend(inside);
        lines.push(mark(Mark::StopsEnded));
        lines
    }

    fn stopped(is_graceful: bool) -> Line {
        mark(Mark::Stopped { process: 4, is_graceful })
    }

    #[test]
    fn duplicates_of_other_times_are_not_held_against_stops() {
        assert_eq!(check(&during(vec![arrival(2), stopped(true)])), []);
    }

    #[test]
    fn a_stop_that_forgets_what_it_sent_is_convicted() {
        let findings = check(&during(vec![arrival(2), stopped(true), arrival(2)]));
        assert_eq!(findings[0].text, "1 messages arrived again during 1 graceful stops");
    }

    #[test]
    fn a_stop_that_fails_and_a_loop_without_stops_are_convicted() {
        assert_eq!(check(&during(vec![stopped(false)])).len(), 1);
        assert_eq!(check(&during(vec![])).len(), 1);
    }
}
