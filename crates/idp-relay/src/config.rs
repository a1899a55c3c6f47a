//! How a relay works, and what of it can be chosen.

use idp_application::{Error, ErrorKind, out_of_bounds};
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The configuration of a relay. [`Relay::new`](crate::Relay::new) checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayConfig {
    /// How long a lease lasts that is not renewed: how long the lanes of a crashed worker wait.
    pub lease_ttl: Duration,
    /// How much earlier than the database the worker takes a lease for expired: more than clocks
    /// can drift apart within one lease.
    pub lease_margin: Duration,
    /// How often the worker renews its leases and learns who else is alive.
    pub heartbeat_interval: Duration,
    /// How many events are read at once, and at most sent at once in one lane.
    pub batch_size: u32,
    /// How often to look for events that nobody announced, while nobody watches the commits of other
    /// processes.
    pub poll_interval: Duration,
    /// How often to look all the same while somebody [watches](crate::WakeUp) them.
    pub poll_interval_watched: Duration,
    /// How long one send may take.
    pub publish_timeout: Duration,
    /// The bound of the pause after the first failure; it doubles with each further one.
    pub backoff_min: Duration,
    /// The bound that it does not exceed.
    pub backoff_max: Duration,
    /// The longest pause that a bus is granted when it asks to be spared.
    pub throttle_max: Duration,
    /// After so many failed sends in a row, in whatever lanes, only one lane tries the bus until it
    /// takes something again.
    pub breaker_failures: u32,
    /// How often to look for what is due of what was set aside: scheduled events that other workers
    /// set aside, and keys that an operator resumed. Scheduled events that this worker knows of are
    /// due on time.
    pub side_poll_interval: Duration,
    /// The most keys that may be parked in a lane. One more makes the lane stand still.
    pub parked_keys_max: u32,
    /// The most events of one key that may be set aside. One more makes its lane stand still.
    pub set_aside_max: u32,
    /// From how many events on, read of a lane one after another without coming to its end, a tenant
    /// that has most of them is served apart from the others, if others wait behind it. 0 is never.
    pub fair_backlog: u32,
    /// How many percent of them it must have for that.
    pub fair_percent: u32,
    /// How many tenants at most are served apart in a lane for that reason.
    pub fair_tracks_max: u32,
    /// For how many percent of the time, at most, each worker keeps the database busy while it reads:
    /// after its calls it reads on only when they are no more than that part of the time. A single
    /// pause is not longer than `backoff_max`. What was sent is recorded, and leases are renewed,
    /// without waiting. 100 is no limit. With too little for what is committed the target falls
    /// behind for as long as that lasts: alarm on its lag.
    pub log_percent_max: u32,
    /// Ends, as if it were stopped, when it holds all lanes, has read them to their end, and has sent what
    /// is due of what is set aside: for a replay. What is parked or scheduled for later does not keep it.
    pub ends_when_drained: bool,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            lease_ttl: Duration::from_secs(10),
            lease_margin: Duration::from_secs(1),
            heartbeat_interval: Duration::from_secs(3),
            batch_size: 500,
            poll_interval: Duration::from_millis(500),
            poll_interval_watched: Duration::from_secs(5),
            publish_timeout: Duration::from_secs(5),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            throttle_max: Duration::from_secs(300),
            breaker_failures: 5,
            side_poll_interval: Duration::from_secs(1),
            parked_keys_max: 1_000,
            set_aside_max: 10_000,
            fair_backlog: 250,
            fair_percent: 50,
            fair_tracks_max: 8,
            log_percent_max: 100,
            ends_when_drained: false,
        }
    }
}

impl RelayConfig {
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
        let watched = self.poll_interval_watched;
        bound("poll_interval_watched", watched, self.poll_interval..=HOUR);
        bound("publish_timeout", self.publish_timeout, MILLISECOND..=HOUR);
        bound("backoff_min", self.backoff_min, MILLISECOND..=HOUR);
        bound("backoff_max", self.backoff_max, self.backoff_min..=HOUR);
        bound("throttle_max", self.throttle_max, MILLISECOND..=HOUR);
        bound("side_poll_interval", self.side_poll_interval, MILLISECOND..=HOUR);
        faults.extend(out_of_bounds("batch_size", self.batch_size, &(1..=10_000)));
        faults.extend(out_of_bounds("breaker_failures", self.breaker_failures, &(1..=1_000)));
        faults.extend(out_of_bounds("parked_keys_max", self.parked_keys_max, &(0..=100_000)));
        faults.extend(out_of_bounds("set_aside_max", self.set_aside_max, &(1..=1_000_000)));
        faults.extend(out_of_bounds("fair_backlog", self.fair_backlog, &(0..=100_000)));
        faults.extend(out_of_bounds("fair_percent", self.fair_percent, &(1..=100)));
        faults.extend(out_of_bounds("fair_tracks_max", self.fair_tracks_max, &(1..=64)));
        faults.extend(out_of_bounds("log_percent_max", self.log_percent_max, &(1..=100)));
        faults.extend(self.lease_fault());
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "configure the relay", faults.join("; ")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configuration_is_valid() {
        assert!(RelayConfig::default().check().is_ok());
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        let config = RelayConfig {
            batch_size: 10_001,
            fair_percent: 0,
            log_percent_max: 101,
            poll_interval: Duration::ZERO,
            backoff_min: Duration::from_secs(2),
            backoff_max: Duration::from_secs(1),
            ..RelayConfig::default()
        };
        let error = config.check().expect_err("five faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "`poll_interval` must be within 1ms..=3600s, got 0ns; \
                        `backoff_max` must be within 2s..=3600s, got 1s; \
                        `batch_size` must be within 1..=10000, got 10001; \
                        `fair_percent` must be within 1..=100, got 0; \
                        `log_percent_max` must be within 1..=100, got 101";
        assert_eq!(error.message(), expected);
    }

    #[test]
    fn a_lease_that_a_send_could_outlive_is_refused() {
        let usual = RelayConfig::default();
        let config = RelayConfig { publish_timeout: Duration::from_secs(7), ..usual };
        let error = config.check().expect_err("7 + 3 + 1 > 10");
        assert!(error.message().contains("= 11s, got 10s"), "{error}");
    }
}
