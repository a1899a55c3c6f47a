//! How a relay works, and what of it can be chosen.

use idp_application::{Error, ErrorKind};
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The configuration of a relay. [`Relay::new`](crate::Relay::new) checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayConfig {
    /// The name under which the positions are kept: one for each target, the same in every process.
    pub reader: String,
    /// How long a lease lasts that is not renewed: how long the lanes of a crashed worker wait.
    pub lease_ttl: Duration,
    /// How much earlier than the database the worker takes a lease for expired: more than clocks
    /// can drift apart within one lease.
    pub lease_margin: Duration,
    /// How often the worker renews its leases and learns who else is alive.
    pub heartbeat_interval: Duration,
    /// How many events are read at once, and at most sent at once in one lane.
    pub batch_size: u32,
    /// How often to look for events that no commit of this process announced.
    pub poll_interval: Duration,
    /// How long one send may take.
    pub publish_timeout: Duration,
    /// The bound of the pause after the first failure; it doubles with each further one.
    pub backoff_min: Duration,
    /// The bound that it does not exceed.
    pub backoff_max: Duration,
}

impl RelayConfig {
    /// The usual configuration of a reader of that name.
    pub fn for_reader(name: impl Into<String>) -> Self {
        Self {
            reader: name.into(),
            lease_ttl: Duration::from_secs(10),
            lease_margin: Duration::from_secs(1),
            heartbeat_interval: Duration::from_secs(3),
            batch_size: 500,
            poll_interval: Duration::from_millis(500),
            publish_timeout: Duration::from_secs(5),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
        }
    }

    /// All that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        let mut bound = |field: &str, value: Duration, bounds: RangeInclusive<Duration>| {
            faults.extend(out_of_bounds(field, value, &bounds));
        };
        bound("lease_ttl", self.lease_ttl, MILLISECOND * 100..=HOUR);
        bound("lease_margin", self.lease_margin, MILLISECOND..=HOUR);
        bound("heartbeat_interval", self.heartbeat_interval, MILLISECOND..=HOUR);
        bound("poll_interval", self.poll_interval, MILLISECOND..=HOUR);
        bound("publish_timeout", self.publish_timeout, MILLISECOND..=HOUR);
        bound("backoff_min", self.backoff_min, MILLISECOND..=HOUR);
        bound("backoff_max", self.backoff_max, self.backoff_min..=HOUR);
        faults.extend(out_of_bounds("batch_size", self.batch_size, &(1..=10_000)));
        faults.extend(self.reader_fault());
        faults.extend(self.lease_fault());
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "configure the relay", faults.join("; ")))
    }

    fn reader_fault(&self) -> Option<String> {
        let length = self.reader.chars().count();
        let fits = (1..=100).contains(&length) && !self.reader.contains('\0');
        let reader = &self.reader;
        (!fits).then(|| format!("`reader` must have 1 to 100 characters, got {reader:?}"))
    }

    /// While heartbeats get through, no send may be cut short by the end of its lease.
    fn lease_fault(&self) -> Option<String> {
        let least = self.publish_timeout + self.heartbeat_interval + self.lease_margin;
        (self.lease_ttl < least).then(|| {
            format!(
                "`lease_ttl` must be at least `publish_timeout` + `heartbeat_interval` + \
                 `lease_margin` = {least:?}, got {:?}",
                self.lease_ttl
            )
        })
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn out_of_bounds<T: Copy + PartialOrd + Debug>(
    field: &str,
    value: T,
    bounds: &RangeInclusive<T>,
) -> Option<String> {
    let (least, most) = (bounds.start(), bounds.end());
    (!bounds.contains(&value))
        .then(|| format!("`{field}` must be within {least:?}..={most:?}, got {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configuration_is_valid() {
        assert!(RelayConfig::for_reader("bus").check().is_ok());
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        let config = RelayConfig {
            reader: String::new(),
            batch_size: 10_001,
            poll_interval: Duration::ZERO,
            backoff_min: Duration::from_secs(2),
            backoff_max: Duration::from_secs(1),
            ..RelayConfig::for_reader("")
        };
        let error = config.check().expect_err("four faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "`poll_interval` must be within 1ms..=3600s, got 0ns; \
                        `backoff_max` must be within 2s..=3600s, got 1s; \
                        `batch_size` must be within 1..=10000, got 10001; \
                        `reader` must have 1 to 100 characters, got \"\"";
        assert_eq!(error.message(), expected);
    }

    #[test]
    fn a_lease_that_a_send_could_outlive_is_refused() {
        let usual = RelayConfig::for_reader("bus");
        let config = RelayConfig { publish_timeout: Duration::from_secs(7), ..usual };
        let error = config.check().expect_err("7 + 3 + 1 > 10");
        assert!(error.message().contains("= 11s, got 10s"), "{error}");
    }
}
