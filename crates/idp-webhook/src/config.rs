//! How webhooks are delivered, and what of it can be chosen.

use crate::Network;
use idp_application::{Error, ErrorKind, out_of_bounds};
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The configuration of a [`WebhookBus`](crate::WebhookBus), which checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// How events are written.
    pub mode: Mode,
    /// How long one request may take, from the look-up of the name to the status of the answer.
    pub request_timeout: Duration,
    /// After how long a call starts no further request and says how far it came. Together with
    /// [`request_timeout`](Self::request_timeout) it must be less than the time that the relay gives
    /// a send, or what was delivered in a send that is cut short is delivered again.
    pub batch_time_max: Duration,
    /// The most bytes of data that an event may have; a larger one is refused.
    pub data_bytes_max: usize,
    /// The most bytes of an answer that are read, to keep the connection; they are thrown away.
    pub response_bytes_max: usize,
    /// The longest pause that an endpoint can ask for.
    pub retry_after_max: Duration,
    /// After how many answers `500` to one event it is refused, if the endpoint has taken another
    /// one meanwhile; 0 is never.
    pub stumbles_max: u32,
    /// What becomes of events for an endpoint that is disabled.
    pub disabled: Absence,
    /// What becomes of events for an endpoint that the registry does not know.
    pub unknown: Absence,
    /// How many idle connections are kept for each host; 0 is none.
    pub idle_connections_max: usize,
    /// How long a connection may have been idle and still be used.
    pub idle_time_max: Duration,
    /// Whether `http` URLs are allowed. What they carry can be read and held back on the way.
    pub allow_http: bool,
    /// The ports that URLs may name; empty is any.
    pub ports: Vec<u16>,
    /// Networks that may be reached although they are not public.
    pub allowed_networks: Vec<Network>,
    /// Whether the certificate authorities that the system trusts are trusted.
    pub system_roots: bool,
    /// More certificate authorities to trust, each a certificate in DER.
    pub root_certificates: Vec<Vec<u8>>,
}

/// How an event is written in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The whole CloudEvent is the body, as `application/cloudevents+json`: the signature covers all
    /// of it.
    Structured,
    /// The data is the body, the attributes are `ce-` headers, which no signature covers.
    Binary,
}

/// What becomes of events for an endpoint that is not there to get them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// They are refused: the relay sets them aside, and can send them when the endpoint is back.
    Refuse,
    /// They wait in the log, and everything behind them in their lane.
    Wait,
    /// They count as delivered: this subscriber never gets them.
    Skip,
}

impl WebhookConfig {
    /// What suits endpoints of strangers on the internet.
    pub fn new() -> Self {
        Self {
            mode: Mode::Structured,
            request_timeout: Duration::from_secs(3),
            batch_time_max: Duration::from_secs(1),
            data_bytes_max: 256 * 1024,
            response_bytes_max: 16 * 1024,
            retry_after_max: HOUR,
            stumbles_max: 10,
            disabled: Absence::Refuse,
            unknown: Absence::Refuse,
            idle_connections_max: 8,
            idle_time_max: Duration::from_secs(20),
            allow_http: false,
            ports: vec![443],
            allowed_networks: Vec::new(),
            system_roots: true,
            root_certificates: Vec::new(),
        }
    }

    /// For tests and development: also `http`, any port, and this machine.
    pub fn for_development() -> Self {
        Self {
            allow_http: true,
            ports: Vec::new(),
            allowed_networks: Network::loopback(),
            ..Self::new()
        }
    }

    /// The longest that a call can take. The relay must give a send more time than this.
    pub fn call_time_max(&self) -> Duration {
        self.batch_time_max + self.request_timeout
    }

    /// All that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        let mut time = |field: &str, value: Duration, bounds: RangeInclusive<Duration>| {
            faults.extend(out_of_bounds(field, value, &bounds));
        };
        time("request_timeout", self.request_timeout, MILLISECOND..=HOUR);
        time("batch_time_max", self.batch_time_max, Duration::ZERO..=HOUR);
        time("retry_after_max", self.retry_after_max, Duration::ZERO..=24 * HOUR);
        time("idle_time_max", self.idle_time_max, Duration::ZERO..=HOUR);
        let mut size = |field: &str, value: usize, bounds: RangeInclusive<usize>| {
            faults.extend(out_of_bounds(field, value, &bounds));
        };
        size("data_bytes_max", self.data_bytes_max, 1..=64 * 1024 * 1024);
        size("response_bytes_max", self.response_bytes_max, 0..=1024 * 1024);
        size("idle_connections_max", self.idle_connections_max, 0..=1_000);
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, CONFIGURE, faults.join("; ")))
    }
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self::new()
    }
}

pub(crate) const CONFIGURE: &str = "configure webhooks";
const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configurations_are_valid() {
        assert!(WebhookConfig::new().check().is_ok());
        assert!(WebhookConfig::for_development().check().is_ok());
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        let config = WebhookConfig {
            request_timeout: Duration::ZERO,
            retry_after_max: 25 * HOUR,
            data_bytes_max: 0,
            ..WebhookConfig::new()
        };
        let error = config.check().expect_err("three faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "`request_timeout` must be within 1ms..=3600s, got 0ns; \
                        `retry_after_max` must be within 0ns..=86400s, got 90000s; \
                        `data_bytes_max` must be within 1..=67108864, got 0";
        assert_eq!(error.message(), expected);
    }
}
