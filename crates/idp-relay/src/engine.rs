//! Drives a worker: does its steps with the log and the bus, and waits.

use crate::sends::{Sends, now};
use crate::worker::{Ending, Reading, SendOutcome, Step, Worker};
use crate::{RelayConfig, RelayMetrics};
use idp_application::{
    Claim, CommitListener, Error, ErrorKind, LaneBatch, LaneLease, LaneProgress, OutboxLog, Reader,
    WorkerId,
};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// A running relay.
pub(crate) struct Engine {
    pub(crate) log: Arc<dyn OutboxLog>,
    pub(crate) reader: Reader,
    pub(crate) id: WorkerId,
    pub(crate) config: RelayConfig,
    pub(crate) worker: Worker,
    pub(crate) sends: Sends,
    pub(crate) committed: CommitListener,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) metrics: watch::Sender<RelayMetrics>,
}

impl Engine {
    /// Runs until it is stopped. Fails when it could not settle everything.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        tracing::info!(reader = self.reader.name, worker = %self.id.0, "relay started");
        loop {
            while let Some(outcome) = self.sends.try_ended() {
                self.sent(outcome);
            }
            if *self.stop.borrow() {
                self.worker.stop(now());
            }
            match self.worker.next(now()) {
                Step::Wait(until) => self.wait(until).await,
                Step::End(ending) => return self.end(ending),
                step => self.perform(step).await,
            }
            self.count_lanes();
        }
    }

    async fn wait(&mut self, until: Instant) {
        let stopping = *self.stop.borrow();
        tokio::select! {
            outcome = self.sends.ended() => self.sent(outcome),
            () = self.committed.rung() => self.worker.rung(),
            // When the handle is gone, so is this task.
            _ = self.stop.changed(), if !stopping => {}
            () = tokio::time::sleep_until(until.into()) => {}
        }
    }

    /// Makes one call of the log. A call that fails, or takes half the time of a lease, is made
    /// again after a pause, if the worker still wants it then.
    async fn perform(&mut self, step: Step) {
        let limit = self.config.lease_ttl / 2;
        let done = tokio::time::timeout(limit, self.call(step)).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Timeout,
                "ask the outbox log",
                "no answer within half the time of a lease",
            ))
        });
        if let Err(error) = done {
            let pause = self.worker.on_error(now());
            self.metrics.send_modify(|metrics| metrics.log_failures += 1);
            tracing::warn!(reader = self.reader.name, ?pause, %error, "the outbox log failed");
        }
    }

    async fn call(&mut self, step: Step) -> Result<(), Error> {
        match step {
            Step::Join => self.join().await,
            Step::Advance(progress) => self.advance(&progress).await,
            Step::Claim(lanes_max) => self.claim(lanes_max).await,
            Step::Release(leases) => self.release(&leases).await,
            Step::Read(reading) => self.read(&reading).await,
            Step::Wait(_) | Step::End(_) => Ok(()),
        }
    }

    async fn join(&mut self) -> Result<(), Error> {
        let joined = self.log.join(&self.reader, self.id, self.config.lease_ttl).await?;
        self.worker.on_joined(joined);
        Ok(())
    }

    async fn advance(&mut self, progress: &[LaneProgress]) -> Result<(), Error> {
        let asked_at = now();
        let held = self.log.advance(&self.reader, progress, self.config.lease_ttl).await?;
        let advanced = self.worker.on_advanced(progress, asked_at, &held);
        for lane in &advanced.fenced {
            self.sends.abort(*lane);
            tracing::warn!(reader = self.reader.name, ?lane, "fenced: another worker has the lane");
        }
        self.metrics.send_modify(|metrics| {
            metrics.recorded += advanced.events;
            metrics.fenced += count(advanced.fenced.len());
        });
        Ok(())
    }

    async fn claim(&mut self, lanes_max: u16) -> Result<(), Error> {
        let asked_at = now();
        let lease_ttl = self.config.lease_ttl;
        let claim = Claim { worker: self.id, lanes_max, lease_ttl };
        let leases = self.log.claim(&self.reader, claim).await?;
        self.worker.on_claimed(&leases, asked_at);
        if !leases.is_empty() {
            let lanes = leases.len();
            self.metrics.send_modify(|metrics| metrics.claimed += count(lanes));
            tracing::info!(reader = self.reader.name, lanes, "lanes claimed");
        }
        Ok(())
    }

    async fn release(&mut self, leases: &[LaneLease]) -> Result<(), Error> {
        self.log.release(&self.reader, self.id, leases).await?;
        self.worker.on_released();
        let lanes = leases.len();
        self.metrics.send_modify(|metrics| metrics.released += count(lanes));
        tracing::info!(reader = self.reader.name, lanes, "lanes given back");
        Ok(())
    }

    async fn read(&mut self, reading: &Reading) -> Result<(), Error> {
        let batches: Vec<LaneBatch> =
            match self.log.read(&reading.leases, self.config.batch_size).await {
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    self.unreadable(reading, &error);
                    return Ok(());
                }
                batches => batches?,
            };
        for send in self.worker.on_read(reading, batches, now()) {
            self.sends.start(send);
        }
        Ok(())
    }

    fn unreadable(&mut self, reading: &Reading, error: &Error) {
        if self.worker.on_unreadable(reading, now()) {
            let lane = reading.leases.first().map(|lease| lease.lane);
            tracing::error!(reader = self.reader.name, ?lane, %error, "the lane cannot be read");
        }
    }

    fn sent(&mut self, outcome: SendOutcome) {
        let pause = self.worker.on_sent(&outcome, now());
        let SendOutcome { lane, sent, error, .. } = outcome;
        self.metrics.send_modify(|metrics| {
            metrics.published += u64::try_from(sent).unwrap_or_default();
            metrics.batches += u64::from(sent > 0);
            metrics.retries += u64::from(error.is_some());
        });
        if let Some(error) = error {
            let reader = &self.reader.name;
            tracing::warn!(reader, ?lane, sent, ?pause, %error, "not all was published");
        }
    }

    fn count_lanes(&self) {
        let lanes_held = count(self.worker.lanes_held());
        self.metrics.send_if_modified(|metrics| {
            let before = std::mem::replace(&mut metrics.lanes_held, lanes_held);
            before != lanes_held
        });
    }

    fn end(&self, ending: Ending) -> Result<(), Error> {
        match ending {
            Ending::Clean => {
                tracing::info!(reader = self.reader.name, worker = %self.id.0, "relay stopped");
                Ok(())
            }
            Ending::GaveUp { lanes } => {
                let message = format!(
                    "the outbox log did not answer within {:?}: {lanes} leases were not given back \
                     and will expire",
                    self.config.lease_ttl
                );
                Err(Error::new(ErrorKind::Unavailable, "stop the relay", message))
            }
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
