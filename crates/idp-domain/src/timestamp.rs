//! An instant, in the precision that every store keeps.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// An instant in UTC with microsecond precision, in the years 1 to 9999: RFC 3339 writes no others,
/// and PostgreSQL keeps no instant before 4713 BC.
///
/// Microseconds are what PostgreSQL keeps; a finer time would change on its way through a store.
/// The text form is RFC 3339 in UTC with exactly six decimals, so that equal instants have equal
/// texts. There is no `now()`: time comes from the clock of the context.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);

    const MICROS_MIN: i64 = -62_135_596_800_000_000;
    const MICROS_MAX: i64 = 253_402_207_200_000_000;

    /// The instant that many microseconds after 1970-01-01T00:00:00Z. A value outside of the
    /// supported years is moved to the nearest supported instant.
    pub fn from_unix_micros(micros: i64) -> Self {
        Self(micros.clamp(Self::MICROS_MIN, Self::MICROS_MAX))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn unix_micros(self) -> i64 {
        self.0
    }

    fn civil(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).expect("the constructor keeps the range of jiff")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.civil())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an RFC 3339 date and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTimestampError(String);

impl fmt::Display for ParseTimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected an RFC 3339 date and time: {}", self.0)
    }
}

impl std::error::Error for ParseTimestampError {}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    /// Reads RFC 3339 with any offset; digits below the microsecond are cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let instant: jiff::Timestamp =
            text.parse().map_err(|e: jiff::Error| ParseTimestampError(e.to_string()))?;
        Ok(Self::from_unix_micros(instant.as_microsecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_has_six_decimals_and_reads_back() {
        let instant = Timestamp::from_unix_micros(1_700_000_000_000_001);
        assert_eq!(instant.to_string(), "2023-11-14T22:13:20.000001Z");
        assert_eq!(instant.to_string().parse(), Ok(instant));
        assert_eq!(Timestamp::UNIX_EPOCH.to_string(), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn an_offset_is_turned_into_utc() {
        let parsed: Timestamp = "2023-11-14T23:13:20+01:00".parse().expect("valid RFC 3339");
        assert_eq!(parsed.unix_micros(), 1_700_000_000_000_000);
    }

    #[test]
    fn the_far_ends_can_be_printed() {
        let first = Timestamp::from_unix_micros(i64::MIN);
        assert_eq!(first.to_string(), "0001-01-01T00:00:00.000000Z");
        assert_eq!(first.to_string().parse(), Ok(first));
        let last = Timestamp::from_unix_micros(i64::MAX).to_string();
        assert!(last.starts_with("9999-12-30T"), "{last}");
    }

    #[test]
    fn nonsense_is_refused_with_what_was_expected() {
        let error = "tomorrow".parse::<Timestamp>().expect_err("not a time");
        assert!(error.to_string().contains("RFC 3339"));
    }
}
