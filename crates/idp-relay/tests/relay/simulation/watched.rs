//! Ports whose calls an auditor hears of.

use super::auditor::Auditor;
use idp_application::{
    BoxFuture, Claim, Clock, Deliveries, Error, ErrorKind, KeepingCommand, Lane, LaneBatch,
    LaneLease, LaneProgress, LaneRecord, LaneTracks, LogKeeping, Membership, OutboxLog,
    PurgePolicy, PurgeReport, Reader, RelayLog, TenantPolicies, TenantTracks, TrackBatch,
    TrackChange, TrackReading, TrackRecord, WorkerId, delegate_port,
};
use idp_testkit::RuntimeClock;
use std::sync::Arc;
use std::time::Duration;

/// The log as one reader sees it.
pub(crate) struct WatchedLog {
    log: Arc<dyn RelayLog>,
    reader: Reader,
    auditor: Arc<Auditor>,
}

impl WatchedLog {
    pub(crate) fn new(log: Arc<dyn RelayLog>, reader: Reader, auditor: Arc<Auditor>) -> Self {
        Self { log, reader, auditor }
    }
}

impl OutboxLog for WatchedLog {
    delegate_port!(OutboxLog { release } => |this| this.log);

    fn join<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Membership, Error>> {
        Box::pin(async move {
            let membership = self.log.join(reader, worker, ttl).await?;
            self.auditor.known().await.joined(reader, &membership);
            Ok(membership)
        })
    }

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        Box::pin(async move {
            let leases = self.log.claim(reader, claim).await?;
            self.auditor.known().await.claimed(reader, &leases);
            Ok(leases)
        })
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(async move {
            let read = self.log.read(leases, limit).await;
            let mut known = self.auditor.known().await;
            match &read {
                Ok(batches) => known.read(&self.reader, leases, batches),
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    let places = leases.iter().map(|lease| (lease.lane, lease.cursor, None));
                    known.told_gone(&self.reader, places);
                }
                Err(error) => known.fault(format!("a reading fails: {error}")),
            }
            read
        })
    }

    fn advance<'a>(
        &'a self,
        reader: &'a Reader,
        progress: &'a [LaneProgress],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let held = self.log.advance(reader, progress, lease_ttl).await?;
            self.auditor.known().await.recorded(reader, progress.iter(), &held);
            Ok(held)
        })
    }
}

impl Deliveries for WatchedLog {
    delegate_port!(Deliveries { blocked, due, settle } => |this| this.log);

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let held = self.log.record(reader, records, lease_ttl).await?;
            let progress = records.iter().map(|record| &record.progress);
            self.auditor.known().await.recorded(reader, progress, &held);
            Ok(held)
        })
    }
}

impl TenantTracks for WatchedLog {
    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>> {
        Box::pin(async move {
            let tracks = self.log.tracks(reader, leases).await?;
            self.auditor.now().split(reader, &tracks);
            Ok(tracks)
        })
    }

    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        Box::pin(async move {
            let tracks = self.log.split(reader, change).await?;
            self.auditor.now().split(reader, &tracks);
            Ok(tracks)
        })
    }

    fn merge<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        Box::pin(async move {
            let tracks = self.log.merge(reader, change).await?;
            self.auditor.now().split(reader, &tracks);
            Ok(tracks)
        })
    }

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        Box::pin(async move {
            let read = self.log.read_tracks(readings, limit).await;
            let mut known = self.auditor.known().await;
            match &read {
                Ok(batches) => known.read_scoped(&self.reader, readings, batches),
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    let places = readings.iter().map(|r| (r.lane, r.cursor, Some(&r.scope)));
                    known.told_gone(&self.reader, places);
                }
                Err(error) => known.fault(format!("a reading fails: {error}")),
            }
            read
        })
    }

    fn record_tracks<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [TrackRecord],
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let held = self.log.record_tracks(reader, records).await?;
            self.auditor.now().tracks_recorded(reader, records, &held);
            Ok(held)
        })
    }
}

impl TenantPolicies for WatchedLog {
    delegate_port!(TenantPolicies => |this| this.log);
}

/// Purges and holds.
pub(crate) struct WatchedKeeping {
    keeping: Arc<dyn LogKeeping>,
    clock: RuntimeClock,
    auditor: Arc<Auditor>,
}

impl WatchedKeeping {
    pub(crate) fn new(
        keeping: Arc<dyn LogKeeping>,
        clock: RuntimeClock,
        auditor: Arc<Auditor>,
    ) -> Self {
        Self { keeping, clock, auditor }
    }
}

impl LogKeeping for WatchedKeeping {
    delegate_port!(LogKeeping { readers, holds, keeping_records } => |this| this.keeping);

    fn purge<'a>(&'a self, policy: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>> {
        Box::pin(async move {
            // What is dropped must have been copied before.
            drop(self.auditor.known().await);
            let report = self.keeping.purge(policy).await;
            match &report {
                Ok(report) => self.auditor.now().purged(policy, report, self.clock.now()),
                Err(error) => self.auditor.now().fault(format!("a purge fails: {error}")),
            }
            report
        })
    }

    fn keep<'a>(&'a self, command: &'a KeepingCommand) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.keeping.keep(command).await?;
            self.auditor.known().await.held(&command.action);
            Ok(())
        })
    }
}
