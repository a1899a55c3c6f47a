//! The samples of a run, and the ratios between contenders.

use super::sample::{Sample, median};
use super::workload::UseCase;

/// All samples of one contender in one cell, a round each.
#[derive(Debug)]
struct Series {
    key: Key,
    samples: Vec<Sample>,
}

/// Which cell, and who.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) place: &'static str,
    pub(crate) use_case: UseCase,
    pub(crate) tasks: usize,
    pub(crate) contender: &'static str,
}

/// How many times as fast one is as another: each round gives a ratio, since what disturbs a round
/// disturbs both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

#[derive(Debug, Default)]
pub(crate) struct Results {
    series: Vec<Series>,
}

impl Results {
    pub(crate) fn push(&mut self, key: Key, sample: Sample) {
        match self.series.iter_mut().find(|series| series.key == key) {
            Some(series) => series.samples.push(sample),
            None => self.series.push(Series { key, samples: vec![sample] }),
        }
    }

    /// The samples of one contender in one cell; empty when it was not measured.
    pub(crate) fn samples(&self, key: Key) -> &[Sample] {
        self.series.iter().find(|series| series.key == key).map_or(&[], |series| &series.samples)
    }

    /// The median of one figure.
    pub(crate) fn median(&self, key: Key, figure: fn(&Sample) -> f64) -> f64 {
        median(self.samples(key).iter().map(figure))
    }

    /// How many times as many operations a second the contender of the key does as another;
    /// `None` when one of them was not measured.
    pub(crate) fn ratio(&self, key: Key, other: &'static str) -> Option<Ratio> {
        let others = self.samples(Key { contender: other, ..key });
        let pairs = self.samples(key).iter().zip(others);
        let ratios: Vec<f64> = pairs.map(|(one, other)| one.rate / other.rate).collect();
        let lowest = ratios.iter().copied().reduce(f64::min)?;
        let highest = ratios.iter().copied().reduce(f64::max)?;
        Some(Ratio { median: median(ratios.into_iter()), lowest, highest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_taken_round_by_round() {
        let key = |contender| Key { place: "p", use_case: UseCase::Create, tasks: 1, contender };
        let sample = |rate| Sample { rate, client_cpu: 0.0, server_cpu: 0.0, p50: 0.0, p99: 0.0 };
        let mut results = Results::default();
        for (one, other) in [(10.0, 5.0), (300.0, 100.0), (4.0, 1.0)] {
            results.push(key("one"), sample(one));
            results.push(key("other"), sample(other));
        }
        let ratio = results.ratio(key("one"), "other").expect("both were measured");
        assert_eq!(ratio, Ratio { median: 3.0, lowest: 2.0, highest: 4.0 });
        assert_eq!(results.ratio(key("one"), "nobody"), None);
    }
}
