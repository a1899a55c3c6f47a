//! What of telemetry can be chosen.

use idp_application::{Error, ErrorKind, LagBounds, out_of_bounds};
use std::time::Duration;

/// The configuration of telemetry. [`Telemetry::new`](crate::Telemetry::new) checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// How many tenants have a label value of their own in each metric. The others share `_other`. Zero
    /// names none. At most 1,000.
    pub tenants_max: usize,
    /// The same for lanes. At most 1,024.
    pub lanes_max: usize,
    /// How often to look at the lag: 100 ms to an hour. A look that takes as long is given up.
    pub sample_interval: Duration,
    /// What a look may cost.
    pub lag: LagBounds,
}

impl Default for TelemetryConfig {
    /// 20 tenants, 64 lanes, every 15 seconds, the usual bounds.
    fn default() -> Self {
        Self {
            tenants_max: 20,
            lanes_max: 64,
            sample_interval: Duration::from_secs(15),
            lag: LagBounds::default(),
        }
    }
}

impl TelemetryConfig {
    /// All that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        faults.extend(out_of_bounds("tenants_max", self.tenants_max, &(0..=1_000)));
        faults.extend(out_of_bounds("lanes_max", self.lanes_max, &(0..=1_024)));
        let interval = Duration::from_millis(100)..=Duration::from_secs(3_600);
        faults.extend(out_of_bounds("sample_interval", self.sample_interval, &interval));
        faults.extend(self.lag.check().err().map(|error| error.message().to_owned()));
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "configure telemetry", faults.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        assert!(TelemetryConfig::default().check().is_ok());
        let config = TelemetryConfig {
            tenants_max: 1_001,
            lanes_max: 2_000,
            sample_interval: Duration::ZERO,
            lag: LagBounds { events_max: 0, ..LagBounds::default() },
        };
        let error = config.check().expect_err("four faults");
        let expected = "`tenants_max` must be within 0..=1000, got 1001; \
                        `lanes_max` must be within 0..=1024, got 2000; \
                        `sample_interval` must be within 100ms..=3600s, got 0ns; \
                        `events_max` must be at least 1, got 0";
        assert_eq!(error.message(), expected);
    }
}
