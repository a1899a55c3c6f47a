//! Lag that is told wrong.

use super::{Bug, SabotagedHarness, Saboteur};
use idp_application::{BoxFuture, Error, LagBounds, LagReport, LogLag, ReaderLag};
use idp_conformance::log_lag::LagHarness;
use std::sync::Arc;

impl Saboteur {
    async fn sabotaged_lag(&self, bounds: &LagBounds) -> Result<LagReport, Error> {
        let mut bounds = *bounds;
        if self.bug == Bug::LooksAtMoreThanTheBound && bounds.events_max > 0 {
            bounds.events_max += 1;
        }
        let mut report = self.lag.lag(&bounds).await?;
        if self.bug == Bug::HidesHolds {
            report.blockers.clear();
        }
        let now = report.now;
        for reader in &mut report.readers {
            self.spoil_lag(reader);
            if self.bug == Bug::TellsTheYoungestForTheOldest {
                reader.lags.iter_mut().for_each(|lag| lag.oldest = now);
            }
        }
        Ok(report)
    }

    fn spoil_lag(&self, reader: &mut ReaderLag) {
        match self.bug {
            Bug::CountsWhatIsPassed => {
                let mut memory = self.remembered();
                let most = memory.lags.entry(reader.name.clone()).or_default();
                for (at, lag) in reader.lags.iter_mut().enumerate() {
                    if most.len() <= at {
                        most.push(0);
                    }
                    most[at] = most[at].max(lag.events);
                    lag.events = most[at];
                }
            }
            Bug::MixesTenantsInALag => {
                if let Some(tenant) = reader.lags.first().map(|lag| lag.tenant.clone()) {
                    reader.lags.iter_mut().for_each(|lag| lag.tenant = tenant.clone());
                }
            }
            Bug::HidesStandingLanes => {
                reader.lags.sort_by_key(|lag| lag.oldest);
                if reader.lags.len() > 1 {
                    reader.lags.remove(0);
                }
            }
            Bug::SaysThatAllWasLookedAt => reader.is_complete = true,
            Bug::TakesResumedForParked if reader.events_blocked > 0 => {
                let mut memory = self.remembered();
                memory.parked = memory.parked.max(reader.keys_parked);
                reader.keys_parked = memory.parked;
            }
            Bug::TakesScheduledForBlocked => reader.events_blocked += reader.events_scheduled,
            _ => {}
        }
    }
}

impl LogLag for Saboteur {
    fn lag<'a>(&'a self, bounds: &'a LagBounds) -> BoxFuture<'a, Result<LagReport, Error>> {
        Box::pin(self.sabotaged_lag(bounds))
    }
}

impl LagHarness for SabotagedHarness {
    fn lag(&self) -> Arc<dyn LogLag> {
        self.saboteur.clone()
    }
}
