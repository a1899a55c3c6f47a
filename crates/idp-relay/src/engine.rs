//! Drives a worker: does its steps with the log and the bus, and waits.

use crate::sends::{Sends, now};
use crate::telling::count;
use crate::worker::{Ending, Reading, SendOutcome, Step, TracksReading, Worker};
use crate::{RelayConfig, RelayMetrics};
use idp_application::{
    Audience, Claim, CommitListener, CommitSignal, Error, ErrorKind, Lane, LaneBatch, LaneLease,
    LaneRecord, LaneTracks, PublishFailure, Reader, RelayLog, RelayObserver, Settlement,
    TrackBatch, TrackChange, TrackRecord, WorkerId,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// A running relay.
pub(crate) struct Engine {
    pub(crate) log: Arc<dyn RelayLog>,
    pub(crate) reader: Reader,
    pub(crate) id: WorkerId,
    pub(crate) config: RelayConfig,
    pub(crate) worker: Worker,
    pub(crate) sends: Sends,
    pub(crate) signal: CommitSignal,
    pub(crate) committed: CommitListener,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) metrics: watch::Sender<RelayMetrics>,
    pub(crate) audience: Audience<dyn RelayObserver>,
    /// What it has told its audience last.
    pub(crate) told: RelayMetrics,
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
            self.worker.watched(self.signal.is_watched(), now());
            match self.worker.next(now()) {
                Step::Wait(until) => self.wait(until).await,
                Step::End(ending) => return self.end(ending),
                step => self.perform(step).await,
            }
            self.count_present();
        }
    }

    async fn wait(&mut self, until: Instant) {
        let stopping = *self.stop.borrow();
        // Biased: what runs in simulated time runs the same each time. None starves another: after each
        // of them all are looked at.
        tokio::select! {
            biased;
            outcome = self.sends.ended() => {
                self.sent(outcome);
                // Sends that end together are recorded together.
                tokio::task::yield_now().await;
            }
            () = self.committed.rung() => self.worker.rung(now()),
            // When the handle is gone, so is this task.
            _ = self.stop.changed(), if !stopping => {}
            () = tokio::time::sleep_until(until.into()) => {}
        }
    }

    /// Makes one call of the log. A call that fails, or takes half the time of a lease, is made
    /// again after a pause, if the worker still wants it then.
    async fn perform(&mut self, step: Step) {
        let (began, limit) = (now(), self.config.lease_ttl / 2);
        let (recorded, is_reading) = (step.recorded_lanes(), step.is_reading());
        let done = tokio::time::timeout(limit, self.call(step)).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Timeout,
                "ask the outbox log",
                "no answer within half the time of a lease",
            ))
        });
        let ended = now();
        self.worker.called(ended - began, ended);
        if is_reading {
            self.worker.read_took(ended - began, ended);
        }
        if let Err(error) = done {
            self.unrecorded(&recorded, &error);
            let pause = self.worker.on_error(ended);
            self.metrics.send_modify(|metrics| metrics.log_failures += 1);
            tracing::warn!(reader = self.reader.name, ?pause, %error, "the outbox log failed");
        }
    }

    fn unrecorded(&mut self, lanes: &BTreeSet<Lane>, error: &Error) {
        if !lanes.is_empty() && self.worker.on_unrecorded(lanes, now()) {
            let lane = lanes.first();
            tracing::error!(reader = self.reader.name, ?lane, %error, "the lane cannot be recorded");
        }
    }

    async fn call(&mut self, step: Step) -> Result<(), Error> {
        match step {
            Step::Join => self.join().await,
            Step::Record(records) => self.record(&records).await,
            Step::Settle(settlement) => self.settle(&settlement).await,
            Step::Claim(lanes_max) => self.claim(lanes_max).await,
            Step::Release(leases) => self.release(&leases).await,
            Step::Blocked(lanes) => self.blocked(&lanes).await,
            Step::Due(leases) => self.due(&leases).await,
            Step::Read(reading) => self.read(&reading).await,
            Step::Policies => self.policies().await,
            Step::Tracks(leases) => self.tracks(&leases).await,
            Step::Split(change) => {
                let known = self.log.split(&self.reader, &change).await?;
                tracing::info!(reader = self.reader.name, ?change, "a tenant is split off");
                self.changed(&change, known);
                Ok(())
            }
            Step::Merge(change) => {
                let known = self.log.merge(&self.reader, &change).await?;
                tracing::info!(reader = self.reader.name, ?change, "a tenant is merged");
                self.changed(&change, known);
                Ok(())
            }
            Step::ReadTracks(reading) => self.read_tracks(&reading).await,
            Step::Look(reading) => self.look(&reading).await,
            Step::RecordTracks(records) => self.record_tracks(&records).await,
            Step::Wait(_) | Step::End(_) => Ok(()),
        }
    }

    async fn policies(&mut self) -> Result<(), Error> {
        let policies = self.log.tenant_policies(&self.reader.name).await?;
        self.worker.on_policies(policies, now());
        Ok(())
    }

    async fn tracks(&mut self, leases: &[LaneLease]) -> Result<(), Error> {
        match self.log.tracks(&self.reader, leases).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.unreadable(&lanes_of(leases), &error);
            }
            known => self.worker.on_tracks(leases, known?, now()),
        }
        Ok(())
    }

    fn changed(&mut self, change: &TrackChange, known: Option<LaneTracks>) {
        if self.worker.on_changed(change, known) {
            self.fenced(change.lane);
        }
    }

    async fn record_tracks(&mut self, records: &[TrackRecord]) -> Result<(), Error> {
        let held = self.log.record_tracks(&self.reader, records).await?;
        let recorded = self.worker.on_tracks_recorded(records, &held);
        recorded.fenced.iter().for_each(|lane| self.fenced(*lane));
        let of_held = records.iter().filter(|record| held.contains(&record.lane));
        let set_aside: usize = of_held.map(|record| record.aside.len()).sum();
        self.metrics.send_modify(|metrics| {
            metrics.recorded_apart += recorded.events;
            metrics.set_aside += count(set_aside);
        });
        Ok(())
    }

    async fn read_tracks(&mut self, reading: &TracksReading) -> Result<(), Error> {
        let read = self.log.read_tracks(&reading.readings(), reading.limit).await;
        let batches: Vec<TrackBatch> = match read {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.unreadable(&reading.lanes(), &error);
                return Ok(());
            }
            batches => batches?,
        };
        for send in self.worker.on_tracks_read(reading, batches, now()) {
            self.sends.start(send);
        }
        Ok(())
    }

    async fn look(&mut self, reading: &TracksReading) -> Result<(), Error> {
        match self.log.read_tracks(&reading.readings(), reading.limit).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.unreadable(&reading.lanes(), &error);
            }
            batches => self.worker.on_looked(reading, &batches?),
        }
        Ok(())
    }

    async fn join(&mut self) -> Result<(), Error> {
        let joined = self.log.join(&self.reader, self.id, self.config.lease_ttl).await?;
        self.worker.on_joined(joined);
        self.missed(joined.events_missed);
        Ok(())
    }

    fn missed(&self, events_missed: u64) {
        let reader = &self.reader.name;
        self.metrics.send_if_modified(|metrics| {
            let is_news = metrics.events_missed != events_missed;
            metrics.events_missed = events_missed;
            if is_news && events_missed > 0 {
                tracing::warn!(reader, events_missed, "a part of the log was gone when it began");
            }
            is_news
        });
    }

    async fn record(&mut self, records: &[LaneRecord]) -> Result<(), Error> {
        let asked_at = now();
        let held = self.log.record(&self.reader, records, self.config.lease_ttl).await?;
        let recorded = self.worker.on_recorded(records, asked_at, &held);
        recorded.fenced.iter().for_each(|lane| self.fenced(*lane));
        let of_held = records.iter().filter(|record| held.contains(&record.progress.lane));
        let set_aside: usize = of_held.map(|record| record.aside.len()).sum();
        self.metrics.send_modify(|metrics| {
            metrics.recorded += recorded.events;
            metrics.set_aside += count(set_aside);
        });
        Ok(())
    }

    async fn settle(&mut self, settlement: &Settlement) -> Result<(), Error> {
        let settled = self.log.settle(&self.reader, settlement).await?;
        if self.worker.on_settled(settlement, &settled) {
            self.fenced(settlement.lane);
        }
        Ok(())
    }

    fn fenced(&mut self, lane: Lane) {
        self.sends.abort(lane);
        self.metrics.send_modify(|metrics| metrics.fenced += 1);
        tracing::warn!(reader = self.reader.name, ?lane, "fenced: another worker has the lane");
    }

    async fn blocked(&mut self, lanes: &[Lane]) -> Result<(), Error> {
        match self.log.blocked(&self.reader, lanes).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => self.unreadable(lanes, &error),
            keys => self.worker.on_blocked(lanes, keys?),
        }
        Ok(())
    }

    async fn due(&mut self, leases: &[LaneLease]) -> Result<(), Error> {
        let due = match self.log.due(&self.reader, leases, self.config.batch_size).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.due_unreadable(leases, &error);
                return Ok(());
            }
            due => due?,
        };
        for send in self.worker.on_due(leases, due, now()) {
            self.sends.start(send);
        }
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
        let batches: Vec<LaneBatch> = match self.log.read(&reading.leases, reading.limit).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.unreadable(&reading.lanes(), &error);
                return Ok(());
            }
            batches => batches?,
        };
        for send in self.worker.on_read(reading, batches, now()) {
            self.sends.start(send);
        }
        Ok(())
    }

    fn due_unreadable(&mut self, leases: &[LaneLease], error: &Error) {
        if self.worker.on_due_unreadable(leases) {
            let lane = leases.first().map(|lease| lease.lane);
            tracing::error!(reader = self.reader.name, ?lane, %error, "what is set aside cannot be read");
        }
    }

    fn unreadable(&mut self, lanes: &[Lane], error: &Error) {
        if self.worker.on_unreadable(lanes, now()) {
            let lane = lanes.first();
            tracing::error!(reader = self.reader.name, ?lane, %error, "the lane cannot be read");
        }
    }

    fn sent(&mut self, outcome: SendOutcome) {
        let sent = outcome.messages();
        let (lane, is_side, gone) = (outcome.lane, outcome.is_side(), outcome.gone);
        let failure =
            outcome.failure.as_ref().map(|(failure, error)| (*failure, error.to_string()));
        let pause = self.worker.on_sent(outcome, now());
        let refused = matches!(failure, Some((PublishFailure::Refused, _)));
        self.metrics.send_modify(|metrics| {
            metrics.published += sent;
            metrics.gone += gone;
            metrics.published_late += if is_side { sent } else { 0 };
            metrics.batches += u64::from(sent > 0);
            metrics.retries += u64::from(failure.is_some() && !refused);
            metrics.refused += u64::from(refused);
        });
        let reader = &self.reader.name;
        match failure {
            None => {}
            Some((PublishFailure::Refused, error)) => {
                tracing::error!(reader, ?lane, sent, error, "refused for good: its key is parked");
            }
            Some((_, error)) => {
                tracing::warn!(reader, ?lane, sent, ?pause, error, "not all was published");
            }
        }
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

fn lanes_of(leases: &[LaneLease]) -> Vec<Lane> {
    leases.iter().map(|lease| lease.lane).collect()
}
