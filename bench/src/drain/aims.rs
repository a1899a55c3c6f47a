//! How fast the relay should be beside the others.

use super::contender::Contender;
use super::results::{Cell, Results};
use super::sqlite;
use super::textbook::Status;

/// One aim in one cell.
pub(crate) struct Verdict {
    pub(crate) aim: String,
    pub(crate) cell: String,
    pub(crate) wanted: f64,
    pub(crate) measured: f64,
}

impl Verdict {
    pub(crate) fn is_met(&self) -> bool {
        self.measured >= self.wanted
    }
}

/// At least that many times as fast as the textbook with a status row by row.
const BESIDE_TEXTBOOK: f64 = 10.0;
/// At least that part of the bare read by one.
const BESIDE_BARE: f64 = 0.6;
/// The slowest backlog beside the fastest.
const FLAT: f64 = 0.8;

const OURS: &str = Contender::Ours.title();

pub(crate) fn verdicts(results: &Results) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let rows = results.rows();
    let ours: Vec<Cell> = rows.iter().filter(|row| row.1 == OURS).map(|row| row.0).collect();
    for cell in &ours {
        let of_each = Contender::Textbook(Status::OfEach).title();
        let alone = Cell { workers: 1, ..*cell };
        let pairs =
            [(of_each, *cell, BESIDE_TEXTBOOK), (Contender::Bare.title(), alone, BESIDE_BARE)];
        for (beside, at, wanted) in pairs {
            // A row costs SQLite no round trip: the textbook's trouble is not there.
            if cell.place == sqlite::PLACE && beside == of_each {
                continue;
            }
            let ratio = results.ratio((*cell, OURS), (at, beside));
            verdicts.extend(ratio.map(|measured| Verdict {
                aim: format!("idp : {beside}"),
                cell: described(cell),
                wanted,
                measured,
            }));
        }
    }
    verdicts.extend(flat(results, &ours));
    verdicts
}

/// One verdict for all backlogs of a place that were drained under the same circumstances.
fn flat(results: &Results, ours: &[Cell]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let smallest = ours.iter().map(|cell| cell.backlog).min().unwrap_or_default();
    for first in ours.iter().filter(|cell| cell.backlog == smallest) {
        let alike = ours.iter().filter(|cell| Cell { backlog: smallest, ..**cell } == *first);
        let rates: Vec<f64> =
            alike.map(|cell| results.median(*cell, OURS, |sample| sample.rate())).collect();
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        if rates.len() > 1 {
            let backlogs = format!("{} backlogs from {smallest}", rates.len());
            let Cell { place, workers, is_held, .. } = *first;
            let cell = circumstances(place, &backlogs, workers, is_held);
            let aim = "slowest backlog : fastest".into();
            verdicts.push(Verdict { aim, cell, wanted: FLAT, measured: least / most });
        }
    }
    verdicts
}

fn described(cell: &Cell) -> String {
    circumstances(cell.place, &cell.backlog.to_string(), cell.workers, cell.is_held)
}

fn circumstances(place: &str, backlog: &str, workers: u16, is_held: bool) -> String {
    let held = if is_held { ", old transaction" } else { "" };
    let s = if workers == 1 { "" } else { "s" };
    format!("{place}, {backlog}, {workers} worker{s}{held}")
}

#[cfg(test)]
mod tests {
    use super::super::results::{Drained, Sample};
    use super::*;
    use std::time::Duration;

    fn sample(rate: u64) -> Sample {
        let drained = Drained { events: rate, took: Duration::from_secs(1) };
        Sample { drained, wal: None, replaced: None, dead: None }
    }

    #[test]
    fn each_aim_is_held_against_what_was_measured() {
        let mut results = Results::default();
        for (backlog, ours) in [(10_000, 100), (100_000, 70)] {
            let cell = Cell { place: "here", backlog, workers: 1, is_held: false };
            results.add(cell, OURS, sample(ours));
            results.add(cell, Contender::Bare.title(), sample(150));
            results.add(cell, Contender::Textbook(Status::OfEach).title(), sample(10));
        }
        let verdicts = verdicts(&results);
        let met: Vec<bool> = verdicts.iter().map(Verdict::is_met).collect();
        // 10 : 1, 0.67; 7 : 1, 0.47; and 0.7 from one backlog to the other.
        assert_eq!(met, [true, true, false, false, false]);
        assert_eq!(verdicts[4].cell, "here, 2 backlogs from 10000, 1 worker");
    }
}
