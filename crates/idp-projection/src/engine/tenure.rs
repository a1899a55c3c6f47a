//! Gets, keeps and gives back the lease of a projection.

use super::reading::progress;
use super::{Engine, Turn};
use idp_application::{Applied, Claim, Cursor, Error, ErrorKind, Lane, LaneLease, Projection};
use idp_domain::Record;
use tokio::time::{Instant, sleep_until};

impl<P: Projection> Engine<P> {
    /// Gives back a lease that is in doubt; joins and renews, or asks for the lease, when it is
    /// time.
    pub(super) async fn keep_lease(&mut self) -> Result<(), Error> {
        let was_in_doubt = self.doubtful.is_some();
        if let Some(lease) = self.doubtful {
            self.release(&[lease]).await?;
            self.doubtful = None;
        }
        if Instant::now() >= self.heartbeat_at {
            let lease_ttl = self.parts.config.lease_ttl;
            let joined = self.parts.backend.join(&self.reader, self.parts.worker, lease_ttl);
            let joined = self.call(joined).await?;
            self.missed(joined.events_missed);
            self.has_joined = true;
        } else if !was_in_doubt {
            return Ok(());
        }
        match self.lease {
            Some(lease) => self.renew(lease).await?,
            None => self.claim().await?,
        }
        self.heartbeat_at = Instant::now() + self.parts.config.heartbeat_interval;
        Ok(())
    }

    fn missed(&self, events_missed: u64) {
        self.report(|status| {
            if events_missed > 0 && status.events_missed != events_missed {
                let projection = P::NAME;
                tracing::warn!(
                    projection,
                    events_missed,
                    "a part of the log was gone when it began"
                );
            }
            status.events_missed = events_missed;
        });
    }

    async fn claim(&mut self) -> Result<(), Error> {
        let lease_ttl = self.parts.config.lease_ttl;
        let claim = Claim { worker: self.parts.worker, lanes_max: 1, lease_ttl };
        let leases = self.call(self.parts.backend.claim(&self.reader, claim)).await?;
        self.lease = leases.into_iter().find(|lease| lease.lane == Lane::WHOLE);
        let Some(LaneLease { epoch, sequence, .. }) = self.lease else {
            // Another projector has it: what this one could not fold is that one's affair.
            self.report(|status| status.stalled = None);
            return Ok(());
        };
        tracing::info!(projection = P::NAME, epoch, checkpoint = sequence, "lease claimed");
        self.has_news = true;
        self.report(|_| {});
        Ok(())
    }

    async fn renew(&mut self, lease: LaneLease) -> Result<(), Error> {
        let progress = [progress(lease)];
        let lease_ttl = self.parts.config.lease_ttl;
        let advanced = self.parts.backend.advance(&self.reader, &progress, lease_ttl);
        match self.call(advanced).await {
            Ok(held) if held.contains(&lease.lane) => {}
            Ok(_) => self.fenced(),
            Err(error) => return Err(self.doubt(error)),
        }
        Ok(())
    }

    /// Empties the read model, under the lease.
    pub(super) async fn reset(&mut self) -> Result<Turn, Error> {
        let Some(lease) = self.lease else { return Ok(Turn::Idle) };
        let reset = self.parts.backend.reset(&self.reader, lease.epoch, P::Row::SCHEMA);
        match self.call(reset).await {
            Ok(Applied::Done) => {
                tracing::info!(projection = P::NAME, "the read model is made anew");
                self.lease = Some(LaneLease { cursor: Cursor::default(), sequence: 0, ..lease });
                self.requests.emptied();
                self.has_news = true;
                self.report(|_| {});
                self.parts.updated.ring();
                Ok(Turn::Busy)
            }
            Ok(Applied::Fenced) => {
                self.fenced();
                Ok(Turn::Idle)
            }
            Err(error) => Err(self.doubt(error)),
        }
    }

    /// Another projector has the lease.
    pub(super) fn fenced(&mut self) {
        tracing::warn!(projection = P::NAME, "fenced: another projector has the lease");
        self.lease = None;
        self.report(|status| {
            status.fenced += 1;
            status.stalled = None;
        });
    }

    /// What was written under the lease is not known: its epoch ends.
    pub(super) fn doubt(&mut self, error: Error) -> Error {
        self.doubtful = self.lease.take();
        self.report(|_| {});
        error
    }

    async fn release(&self, leases: &[LaneLease]) -> Result<(), Error> {
        let released = self.parts.backend.release(&self.reader, self.parts.worker, leases);
        self.call(released).await
    }

    /// Gives the lease back and signs off.
    pub(super) async fn end(mut self) -> Result<(), Error> {
        if !self.has_joined {
            return Ok(());
        }
        let leases: Vec<LaneLease> = self.lease.into_iter().chain(self.doubtful).collect();
        let give_up_at = Instant::now() + self.parts.config.lease_ttl;
        while let Err(error) = self.release(&leases).await {
            self.failures = self.failures.saturating_add(1);
            let again_at = Instant::now() + self.backoff();
            if again_at >= give_up_at {
                let message = "the lease could not be given back and will expire";
                let gave_up = Error::new(ErrorKind::Unavailable, "stop the projector", message);
                return Err(gave_up.with_source(error));
            }
            sleep_until(again_at).await;
        }
        self.lease = None;
        self.report(|_| {});
        tracing::info!(projection = P::NAME, "projector stopped");
        Ok(())
    }
}
