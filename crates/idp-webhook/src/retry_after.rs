//! For how long an answer asks to be spared (RFC 9110, section 10.2.3).

use idp_domain::Timestamp;
use std::time::{Duration, UNIX_EPOCH};

/// The pause that the value of `retry-after` asks for: seconds, or a date. At most `max`; `None` when
/// it is neither.
pub(crate) fn parse(value: &str, now: Timestamp, max: Duration) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // A number beyond 64 bits is a very long time all the same.
        return Some(value.parse().map_or(max, Duration::from_secs).min(max));
    }
    let at = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let now = Duration::from_micros(u64::try_from(now.unix_micros()).ok()?);
    Some(at.saturating_sub(now).min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(3_600);

    fn parsed(value: &str) -> Option<u64> {
        let now = Timestamp::from_unix_micros(784_111_777_000_000); // 1994-11-06T08:49:37Z
        parse(value, now, MAX).map(|pause| pause.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_understood_and_bounded() {
        assert_eq!(parsed("120"), Some(120));
        assert_eq!(parsed(" 0 "), Some(0));
        assert_eq!(parsed("99999999999999999999999"), Some(3_600));
        assert_eq!(parsed("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(parsed("Sunday, 06-Nov-94 08:50:37 GMT"), Some(60));
        assert_eq!(parsed("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(parsed("Mon, 07 Nov 1994 08:49:37 GMT"), Some(3_600));
    }

    #[test]
    fn nonsense_asks_for_nothing() {
        for value in ["", "-1", "1.5", "soon", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(parsed(value), None, "{value}");
        }
    }
}
