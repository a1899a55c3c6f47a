//! What was measured.

use std::time::Duration;

/// What one contender did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drained {
    pub(crate) events: u64,
    pub(crate) took: Duration,
}

impl Drained {
    /// In events a second.
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    pub(crate) fn rate(&self) -> f64 {
        self.events as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Under which circumstances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) place: &'static str,
    pub(crate) backlog: u64,
    pub(crate) workers: u16,
    /// Whether an old transaction lies idle meanwhile.
    pub(crate) is_held: bool,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) drained: Drained,
    /// Bytes of write-ahead log; what is not counted is not known.
    pub(crate) wal: Option<u64>,
    /// Versions of rows that were replaced or deleted.
    pub(crate) replaced: Option<u64>,
    /// Those that still take up room at the end.
    pub(crate) dead: Option<u64>,
}

impl Sample {
    pub(crate) fn rate(&self) -> f64 {
        self.drained.rate()
    }

    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    pub(crate) fn per_event(&self, number: Option<u64>) -> f64 {
        number.map_or(f64::NAN, |number| number as f64 / self.drained.events.max(1) as f64)
    }
}

/// All measurements, in the order in which they were made.
#[derive(Default)]
pub(crate) struct Results {
    samples: Vec<(Cell, &'static str, Sample)>,
}

impl Results {
    pub(crate) fn add(&mut self, cell: Cell, contender: &'static str, sample: Sample) {
        self.samples.push((cell, contender, sample));
    }

    /// Each cell with those who were measured in it.
    pub(crate) fn rows(&self) -> Vec<(Cell, &'static str)> {
        let mut rows: Vec<(Cell, &'static str)> = Vec::new();
        for (cell, contender, _) in &self.samples {
            if !rows.contains(&(*cell, contender)) {
                rows.push((*cell, contender));
            }
        }
        rows
    }

    pub(crate) fn of(&self, cell: Cell, contender: &str) -> Vec<Sample> {
        let of_both = self.samples.iter().filter(|(at, who, _)| *at == cell && *who == contender);
        of_both.map(|(_, _, sample)| *sample).collect()
    }

    /// The median of the rounds; not a number where there is none.
    pub(crate) fn median(
        &self,
        cell: Cell,
        contender: &str,
        value: impl Fn(&Sample) -> f64,
    ) -> f64 {
        median(self.of(cell, contender).iter().map(value).collect())
    }

    /// How many times as fast one was as another: the median of the ratios of each round.
    pub(crate) fn ratio(&self, of: (Cell, &str), to: (Cell, &str)) -> Option<f64> {
        let (of, to) = (self.of(of.0, of.1), self.of(to.0, to.1));
        let ratios: Vec<f64> = of.iter().zip(&to).map(|(of, to)| of.rate() / to.rate()).collect();
        (!ratios.is_empty()).then(|| median(ratios))
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: Cell = Cell { place: "here", backlog: 1_000, workers: 1, is_held: false };

    fn sample(millis: u64) -> Sample {
        let drained = Drained { events: 1_000, took: Duration::from_millis(millis) };
        Sample { drained, wal: Some(5_000), replaced: None, dead: None }
    }

    #[test]
    fn a_ratio_is_the_median_of_the_ratios_of_the_rounds() {
        let mut results = Results::default();
        for (ours, theirs) in [(100, 1_000), (100, 300), (10, 20)] {
            results.add(CELL, "ours", sample(ours));
            results.add(CELL, "theirs", sample(theirs));
        }
        let ratio = results.ratio((CELL, "ours"), (CELL, "theirs")).expect("both are there");
        assert!((ratio - 3.0).abs() < 1e-9, "{ratio}");
        assert_eq!(results.rows(), [(CELL, "ours"), (CELL, "theirs")]);
        assert_eq!(results.ratio((CELL, "ours"), (CELL, "nobody")), None);
    }

    #[test]
    fn what_is_not_counted_is_not_zero() {
        assert!((sample(10).per_event(Some(5_000)) - 5.0).abs() < 1e-9);
        assert!(sample(10).per_event(None).is_nan());
        assert!(median(Vec::new()).is_nan());
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
