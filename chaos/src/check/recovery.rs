//! Guarantee l: after each fault the backlog drains within the bound, with the processes that were
//! there when it was healed.

use super::Finding;
use crate::journal::{Line, Mark};

pub(super) fn check(lines: &[Line]) -> Vec<Finding> {
    let marks = lines.iter().filter_map(|line| match line {
        Line::Mark { mark } => Some(mark),
        Line::Entry(_) => None,
    });
    let mut findings = Vec::new();
    let mut open: Option<&str> = None;
    let mut is_healed = false;
    for mark in marks {
        match mark {
            Mark::Began { fault } => {
                findings.extend(open.replace(fault).map(unfinished));
                is_healed = false;
            }
            Mark::Healed { .. } => is_healed = true,
            Mark::Started { process } if is_healed => {
                let text = format!("relay process {process} was started before all was drained");
                findings.push(Finding::new("l", text));
            }
            Mark::Drained { fault } if open == Some(fault) => {
                findings.extend((!is_healed).then(|| unfinished(fault)));
                (open, is_healed) = (None, false);
            }
            Mark::Stuck { fault, left } => {
                let text = format!("{left} events had not arrived long after {fault} was healed");
                findings.push(Finding::new("l", text));
                (open, is_healed) = (None, false);
            }
            _ => {}
        }
    }
    findings.extend(open.map(unfinished));
    findings
}

fn unfinished(fault: &str) -> Finding {
    Finding::new("l", format!("it was not seen that all recovered from {fault}"))
}

#[cfg(test)]
mod tests {
    use super::super::sample::mark;
    use super::*;

    fn checked(marks: Vec<Mark>) -> Vec<Finding> {
        check(&marks.into_iter().map(mark).collect::<Vec<_>>())
    }

    fn fault() -> String {
        "broker_killed".to_owned()
    }

    #[test]
    fn a_backlog_that_drains_is_acquitted() {
        let fault = fault;
        let marks = vec![
            Mark::Began { fault: fault() },
            Mark::Started { process: 7 },
            Mark::Healed { fault: fault() },
            Mark::Drained { fault: fault() },
            Mark::Started { process: 8 },
        ];
        assert_eq!(checked(marks), []);
    }

    #[test]
    fn a_backlog_that_stays_is_convicted() {
        let stuck = Mark::Stuck { fault: fault(), left: 3 };
        let healed = Mark::Healed { fault: fault() };
        assert_eq!(checked(vec![Mark::Began { fault: fault() }, healed, stuck]).len(), 1);
        assert_eq!(checked(vec![Mark::Began { fault: fault() }]).len(), 1);
    }

    #[test]
    fn a_recovery_by_a_restart_is_convicted() {
        let marks = vec![
            Mark::Began { fault: fault() },
            Mark::Healed { fault: fault() },
            Mark::Started { process: 7 },
            Mark::Drained { fault: fault() },
        ];
        assert!(checked(marks)[0].text.contains("process 7"));
    }
}
