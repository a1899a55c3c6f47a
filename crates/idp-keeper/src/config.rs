//! How a keeper works, and what of it can be chosen.

use idp_application::{Error, ErrorKind, PurgePolicy, out_of_bounds};
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The configuration of a keeper. [`Keeper::new`](crate::Keeper::new) checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeeperConfig {
    /// What to keep beyond what somebody still has to read.
    pub policy: PurgePolicy,
    /// How often the log is archived and purged. Each wait is up to a fifth shorter or longer, so that
    /// several keepers do not come at once. When there is more to do than one turn takes, the next
    /// one comes at once.
    pub interval: Duration,
    /// The bound of the pause after the first turn that failed, or found the log locked; it doubles
    /// with each further one, up to `interval`.
    pub backoff_min: Duration,
    /// For how long something may hold the log before the keeper alarms.
    pub alarm_after: Duration,
    /// How long one call of the database may take. A purge that is given up is rolled back.
    pub call_timeout: Duration,
    /// How long a graceful stop waits for the turn under way. It is then given up, which loses
    /// nothing.
    pub stop_timeout: Duration,
}

impl Default for KeeperConfig {
    fn default() -> Self {
        Self {
            policy: PurgePolicy::default(),
            interval: Duration::from_secs(60),
            backoff_min: Duration::from_millis(500),
            alarm_after: Duration::from_secs(3_600),
            call_timeout: Duration::from_secs(300),
            stop_timeout: Duration::from_secs(30),
        }
    }
}

impl KeeperConfig {
    /// All that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        let mut bound = |field: &str, value: Duration, bounds: RangeInclusive<Duration>| {
            faults.extend(out_of_bounds(field, value, &bounds));
        };
        bound("interval", self.interval, MILLISECOND..=DAY);
        bound("backoff_min", self.backoff_min, MILLISECOND..=self.interval);
        bound("alarm_after", self.alarm_after, MILLISECOND..=DAY * 365);
        bound("call_timeout", self.call_timeout, MILLISECOND * 100..=DAY);
        bound("stop_timeout", self.stop_timeout, MILLISECOND..=DAY);
        let policy = self.policy.check().err();
        faults.extend(policy.map(|error| error.message().replace("`events", "`policy.events")));
        checked("configure the keeper", &faults)
    }
}

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// Fails when there are faults; the message names all of them.
pub(crate) fn checked(operation: &'static str, faults: &[String]) -> Result<(), Error> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, operation, faults.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configuration_is_valid() {
        assert!(KeeperConfig::default().check().is_ok());
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        let config = KeeperConfig {
            policy: PurgePolicy { events_max: 0, ..PurgePolicy::default() },
            interval: Duration::from_secs(1),
            backoff_min: Duration::from_secs(2),
            stop_timeout: Duration::ZERO,
            ..KeeperConfig::default()
        };
        let error = config.check().expect_err("three faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "`backoff_min` must be within 1ms..=1s, got 2s; \
                        `stop_timeout` must be within 1ms..=86400s, got 0ns; \
                        `policy.events_max` must be at least 1, got 0";
        assert_eq!(error.message(), expected);
    }
}
