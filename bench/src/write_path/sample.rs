//! What one measurement gave, and the middle of many.

use std::time::Duration;

/// One measurement of one cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Operations a second.
    pub(crate) rate: f64,
    /// Processor time of this process for one operation, in microseconds.
    pub(crate) client_cpu: f64,
    /// Processor time of the server for one operation, in microseconds; NaN where unknown.
    pub(crate) server_cpu: f64,
    /// Half of the operations took at most this, in milliseconds.
    pub(crate) p50: f64,
    /// All but one of a hundred took at most this, in milliseconds.
    pub(crate) p99: f64,
}

impl Sample {
    pub(crate) fn of(
        mut latencies: Vec<Duration>,
        elapsed: Duration,
        client_cpu: Duration,
        server_cpu: Option<Duration>,
    ) -> Self {
        latencies.sort_unstable();
        let count = latencies.len() as f64;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count;
        Self {
            rate: count / elapsed.as_secs_f64(),
            client_cpu: each(client_cpu),
            server_cpu: server_cpu.map_or(f64::NAN, each),
            p50: at_share(&latencies, 0.50).as_secs_f64() * 1e3,
            p99: at_share(&latencies, 0.99).as_secs_f64() * 1e3,
        }
    }
}

/// The first value that is not below that share of the sorted values.
fn at_share(sorted: &[Duration], share: f64) -> Duration {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

/// The median; NaN of nothing.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median([4.0, 1.0, 3.0].into_iter()), 3.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn a_sample_is_counted_by_the_operation() {
        let latencies = (1..=100).rev().map(Duration::from_millis).collect();
        let second = Duration::from_secs(1);
        let sample = Sample::of(latencies, second, Duration::from_millis(10), None);
        assert_eq!((sample.rate, sample.client_cpu), (100.0, 100.0));
        assert_eq!((sample.p50, sample.p99), (50.0, 99.0));
        assert!(sample.server_cpu.is_nan());
    }
}
