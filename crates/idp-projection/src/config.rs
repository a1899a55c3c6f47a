//! How a projector works, and what of it can be chosen.

use idp_application::{Error, ErrorKind, out_of_bounds};
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The configuration of a projector. [`Projector::new`](crate::Projector::new) checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectorConfig {
    /// How long the lease lasts when it is not renewed: how long a projector that stands by waits
    /// after another one crashed.
    pub lease_ttl: Duration,
    /// How often the lease is renewed, or asked for; at most half of `lease_ttl`.
    pub heartbeat_interval: Duration,
    /// How many events are folded in one transaction at most.
    pub batch_size: u32,
    /// How often to look for events that no commit of this process announced.
    pub poll_interval: Duration,
    /// The bound of the pause after the first failure; it doubles with each further one.
    pub backoff_min: Duration,
    /// The bound that it does not exceed.
    pub backoff_max: Duration,
}

impl Default for ProjectorConfig {
    fn default() -> Self {
        Self {
            lease_ttl: Duration::from_secs(10),
            heartbeat_interval: Duration::from_secs(3),
            batch_size: 500,
            poll_interval: Duration::from_millis(500),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
        }
    }
}

impl ProjectorConfig {
    /// All that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let half = self.lease_ttl / 2;
        let mut faults = Vec::new();
        let mut bound = |field: &str, value: Duration, bounds: RangeInclusive<Duration>| {
            faults.extend(out_of_bounds(field, value, &bounds));
        };
        bound("lease_ttl", self.lease_ttl, MILLISECOND * 100..=HOUR);
        bound("heartbeat_interval", self.heartbeat_interval, MILLISECOND..=half);
        bound("poll_interval", self.poll_interval, MILLISECOND..=HOUR);
        bound("backoff_min", self.backoff_min, MILLISECOND..=HOUR);
        bound("backoff_max", self.backoff_max, self.backoff_min..=HOUR);
        faults.extend(out_of_bounds("batch_size", self.batch_size, &(1..=10_000)));
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "configure the projector", faults.join("; ")))
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configuration_is_valid() {
        assert!(ProjectorConfig::default().check().is_ok());
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        let config = ProjectorConfig {
            heartbeat_interval: Duration::from_secs(6),
            batch_size: 0,
            backoff_max: Duration::ZERO,
            ..ProjectorConfig::default()
        };
        let error = config.check().expect_err("three faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "`heartbeat_interval` must be within 1ms..=5s, got 6s; \
                        `backoff_max` must be within 100ms..=3600s, got 0ns; \
                        `batch_size` must be within 1..=10000, got 0";
        assert_eq!(error.message(), expected);
    }
}
