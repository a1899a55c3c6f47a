//! Archives the log: a reader of it like any other, whose bus is an archive.
//!
//! What it has recorded is in the archive, whole and durable. So no purge drops what is not, whoever
//! purges: that is promised to every reader.

use super::archived_event::ArchivedEvent;
use super::beginning::Beginning;
use super::config::ArchiveConfig;
use super::head::Head;
use super::segment::{Sealed, Segment};
use super::store::ArchiveStore;
use bytes::Bytes;
use idp_application::{
    Claim, Error, ErrorKind, Lane, LaneBatch, LaneLease, LaneProgress, Membership, OutboxLog,
    Reader, Sharding, WorkerId,
};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Writes segments of the log to an archive.
pub(crate) struct Archiver {
    config: ArchiveConfig,
    log: Arc<dyn OutboxLog>,
    store: Arc<dyn ArchiveStore>,
    reader: Reader,
    worker: WorkerId,
    call_timeout: Duration,
    /// The numbers that the archive came too late for, once it is known to have an origin.
    after: OnceLock<BTreeMap<Lane, i64>>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// Events that were archived.
    pub(crate) events: u64,
    /// Their size, compressed.
    pub(crate) bytes: u64,
    /// Lanes that were lost to another archiver.
    pub(crate) lanes_lost: u64,
    /// Whether there may be more.
    pub(crate) is_full: bool,
}

impl Archiver {
    pub(crate) fn new(
        config: ArchiveConfig,
        log: Arc<dyn OutboxLog>,
        store: Arc<dyn ArchiveStore>,
        worker: WorkerId,
        call_timeout: Duration,
    ) -> Result<Self, Error> {
        config.check()?;
        let reader = Reader { name: config.reader.clone(), sharding: Sharding::ByLane };
        Ok(Self { config, log, store, reader, worker, call_timeout, after: OnceLock::new() })
    }

    /// Makes it a reader of the log: from then on nothing is dropped that it has not recorded.
    pub(crate) async fn register(&self) -> Result<Membership, Error> {
        let joined = self.log.join(&self.reader, self.worker, self.config.lease_ttl);
        self.answered(joined).await
    }

    /// Archives one segment, of all lanes that no other archiver is at.
    pub(crate) async fn step(&self, membership: Membership) -> Result<Step, Error> {
        let lease_ttl = self.config.lease_ttl;
        let claim = Claim { worker: self.worker, lanes_max: u16::MAX, lease_ttl };
        let leases = self.answered(self.log.claim(&self.reader, claim)).await?;
        if leases.is_empty() {
            return Ok(Step::default());
        }
        let done = tokio::select! {
            done = self.begin_and_archive(&leases, membership) => done,
            error = self.renew(&leases) => Err(error),
        };
        let released = self.log.release(&self.reader, self.worker, &leases);
        if let Err(error) = self.answered(released).await {
            // They are free when they expire.
            tracing::debug!(%error, "the lanes of the archive were not given back");
        }
        done
    }

    async fn begin_and_archive(
        &self,
        leases: &[LaneLease],
        membership: Membership,
    ) -> Result<Step, Error> {
        let beginning = Beginning { store: &self.store, leases, membership };
        if self.after.get().is_none() {
            let Some(after) = beginning.after().await? else { return Ok(Step::default()) };
            // Whoever was first set the same.
            let _ = self.after.set(after);
        }
        let after = self.after.get().expect("it was set");
        if !beginning.is_behind_the_end(after).await? {
            return Ok(Step::default());
        }
        self.archive(leases.to_vec()).await
    }

    /// Reads on, writes what was read, and then records it.
    async fn archive(&self, mut leases: Vec<LaneLease>) -> Result<Step, Error> {
        let mut segment = Segment::default();
        let is_full = loop {
            let read = self.log.read(&leases, self.config.batch_size);
            let batches = self.answered(read).await?;
            let has_more = batches.iter().any(|batch| batch.has_more);
            for event in batches.iter().flat_map(|batch| &batch.events) {
                self.config.payloads.check(&event.envelope)?;
            }
            batches.into_iter().for_each(|batch| take(batch, &mut leases, &mut segment));
            if !has_more {
                break false;
            }
            if segment.bytes() >= self.config.segment_bytes_max {
                break true;
            }
        };
        let (events, bytes) = self.write(segment).await?;
        let progress: Vec<_> = leases.iter().map(progress_of).collect();
        let advanced = self.log.advance(&self.reader, &progress, self.config.lease_ttl);
        let held = self.answered(advanced).await?.len();
        let lanes_lost = u64::try_from(progress.len().saturating_sub(held)).unwrap_or(u64::MAX);
        Ok(Step { events, bytes, lanes_lost, is_full })
    }

    /// Writes the file, then the manifest, without which it is not there, and then how far the archive
    /// goes, so that the loss of either is told. Gives how many events they are, and bytes.
    async fn write(&self, segment: Segment) -> Result<(u64, u64), Error> {
        let sealed = tokio::task::spawn_blocking(move || segment.seal()).await.map_err(|e| {
            let message = "the task that compresses has ended";
            Error::new(ErrorKind::Unavailable, ARCHIVE, message).with_source(e)
        })?;
        let Some(Sealed { manifest, file }) = sealed else { return Ok((0, 0)) };
        self.store.put(&manifest.file.name, file).await?;
        let (name, object) = manifest.to_object();
        self.store.put(&name, Bytes::from(object)).await?;
        Head::update(&*self.store, |head| head.cover(&manifest)).await?;
        Ok((manifest.events, manifest.file.bytes))
    }

    /// Renews the leases where they stand, until a renewal fails.
    async fn renew(&self, leases: &[LaneLease]) -> Error {
        let progress: Vec<_> = leases.iter().map(progress_of).collect();
        loop {
            sleep(self.config.lease_ttl / 3).await;
            let renewed = self.log.advance(&self.reader, &progress, self.config.lease_ttl);
            match self.answered(renewed).await {
                Ok(held) if held.is_empty() => {
                    let message = "another archiver has taken over all lanes";
                    return Error::new(ErrorKind::Conflict, ARCHIVE, message);
                }
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }

    async fn answered<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let call_timeout = self.call_timeout;
        timeout(call_timeout, call).await.unwrap_or_else(|_| {
            let message = format!("no answer within `call_timeout` = {call_timeout:?}");
            Err(Error::new(ErrorKind::Timeout, ARCHIVE, message))
        })
    }
}

const ARCHIVE: &str = "archive the log";

/// Numbers the events of a batch, and moves its lane on.
fn take(batch: LaneBatch, leases: &mut [LaneLease], segment: &mut Segment) {
    let LaneBatch { lane, events, through, .. } = batch;
    let Some(lease) = leases.iter_mut().find(|lease| lease.lane == lane) else { return };
    for event in events {
        lease.sequence += 1;
        let (number, cursor, envelope) = (lease.sequence, event.cursor, event.envelope);
        segment.push(&ArchivedEvent { lane, number, cursor, envelope });
    }
    lease.cursor = through;
}

fn progress_of(lease: &LaneLease) -> LaneProgress {
    let LaneLease { lane, epoch, cursor, sequence } = *lease;
    LaneProgress { lane, epoch, cursor, sequence }
}
