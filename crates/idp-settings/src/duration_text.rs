//! Durations as people write them.

use std::time::Duration;

/// From the longest, so that the shortest text is found first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A whole number and its unit: `250ms`, `30s`, `5m`, `1h`, `2d`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
}

/// In the largest unit that shows seconds or less exactly; below a millisecond it is cut off.
pub(crate) fn write(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis.is_multiple_of(1_000) {
        format!("{}s", millis / 1_000)
    } else {
        format!("{millis}ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_is_a_duration() {
        let table =
            [("250ms", 250), ("30s", 30_000), ("5 m", 300_000), ("1h", 3_600_000), ("0s", 0)];
        for (text, millis) in table {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in ["", "30", "s", "-1s", "1.5s", "1s 2ms", "1S", "99999999999999999999s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for millis in [0, 1, 999, 1_000, 90_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(&write(duration)), Some(duration));
        }
    }
}
