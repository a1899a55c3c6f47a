//! Looks at the lag every so often.

use crate::Telemetry;
use idp_application::{Error, ErrorKind, LagReport, LogLag};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// While it lives, the lag is looked at.
#[derive(Debug)]
#[must_use = "sampling ends when the handle is dropped"]
pub struct SamplingHandle(JoinHandle<()>);

impl Drop for SamplingHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Telemetry {
    /// Looks at the lag now. On failure, which is counted, what the last look told stays.
    ///
    /// Fails as [`LogLag::lag`] does, and with [`Timeout`](ErrorKind::Timeout) when it takes longer
    /// than the interval.
    pub async fn sample(&self, log: &dyn LogLag) -> Result<(), Error> {
        let config = &self.inner.config;
        let looked = timeout(config.sample_interval, log.lag(&config.lag)).await;
        let report = looked.unwrap_or_else(|_| {
            let message = "it takes longer than the interval between two looks";
            Err(Error::new(ErrorKind::Timeout, "look at the lag", message))
        });
        match report {
            Ok(report) => {
                self.show(&report);
                Ok(())
            }
            Err(error) => {
                self.inner.lag.sample_failures.get_or_create(&vec![]).inc();
                Err(error)
            }
        }
    }

    /// Looks at the lag every so often, on the current tokio runtime. One process of a service is
    /// enough, and more do no harm.
    ///
    /// # Panics
    /// Outside of a tokio runtime whose clock is enabled.
    pub fn start_sampling(&self, log: Arc<dyn LogLag>) -> SamplingHandle {
        let telemetry = self.clone();
        SamplingHandle(tokio::spawn(async move {
            let mut ticks = interval(telemetry.inner.config.sample_interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = telemetry.sample(&*log).await {
                    tracing::warn!(%error, "the lag could not be looked at");
                }
            }
        }))
    }

    fn show(&self, report: &LagReport) {
        self.inner.alone(|_| self.inner.lag.show(report));
    }
}
