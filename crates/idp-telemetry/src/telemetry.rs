//! Everything that is counted, and its text.

use crate::TelemetryConfig;
use crate::lag_metrics::LagMetrics;
use crate::work_metrics::WorkMetrics;
use idp_application::Error;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts what units of work, relays, projectors and keepers do, and what looking at the lag tells.
///
/// It observes all four, so it is given to each of them. Clones share it. What it emits stands in
/// `docs/operations.md`.
#[derive(Clone)]
pub struct Telemetry {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: TelemetryConfig,
    pub(crate) work: WorkMetrics,
    pub(crate) lag: LagMetrics,
    /// Held while all of it is written, and while a look at the lag replaces the one before: nobody
    /// reads a mixture of two.
    registry: Mutex<Registry>,
}

impl Telemetry {
    /// The media type of [`text`](Self::text): OpenMetrics 1.0.
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Nothing is counted yet.
    ///
    /// Fails with [`Invalid`](idp_application::ErrorKind::Invalid) when values of the configuration
    /// are out of bounds; the message names all of them.
    pub fn new(config: TelemetryConfig) -> Result<Self, Error> {
        config.check()?;
        let mut registry = Registry::default();
        let work = WorkMetrics::register(&mut registry, config.tenants_max);
        let lag = LagMetrics::register(&mut registry, &config);
        let registry = Mutex::new(registry);
        Ok(Self { inner: Arc::new(Inner { config, work, lag, registry }) })
    }

    /// All metrics as OpenMetrics text. It names tenants: show it to operators only.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.inner.alone(|registry| {
            encode(&mut text, registry).expect("writing to a string does not fail");
        });
        text
    }
}

impl Inner {
    /// Does something while nobody else reads or replaces the lag.
    pub(crate) fn alone<T>(&self, something: impl FnOnce(&Registry) -> T) -> T {
        something(&self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
