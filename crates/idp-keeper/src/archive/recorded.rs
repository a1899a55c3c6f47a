//! What the database knows of an archive: how far it recorded that events are archived.

use crate::ArchiveConfig;
use idp_application::{
    Claim, Error, ErrorKind, Lane, LogKeeping, OutboxLog, Reader, Sharding, WorkerId,
};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The number of the last event of each lane that the database takes for archived. What it holds against
/// an archive is proof against the loss of all that the archive says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedLanes {
    lanes: BTreeMap<Lane, i64>,
}

impl RecordedLanes {
    /// Asks the database, which must be the one of the archive.
    ///
    /// The positions of a reader are told to who has the leases, so each lane is leased for a moment.
    /// One that a keeper is at is waited for, for as long as leases last at the most. `worker` must be
    /// an identity that nobody else has.
    ///
    /// Fails with [`NotFound`](ErrorKind::NotFound) when the log has no such reader, and with
    /// [`Timeout`](ErrorKind::Timeout) when a lane does not come free in two times
    /// [`lease_ttl`](ArchiveConfig::lease_ttl); with [`Invalid`](ErrorKind::Invalid) when the
    /// configuration is.
    ///
    /// # Panics
    /// Outside of a tokio runtime whose clock is enabled.
    pub async fn read<L: OutboxLog + LogKeeping + ?Sized>(
        log: &L,
        config: &ArchiveConfig,
        worker: WorkerId,
    ) -> Result<Self, Error> {
        config.check()?;
        let name = &config.reader;
        let is_known = log.readers().await?.iter().any(|reader| reader.name == *name);
        if !is_known {
            // To join would make it one, which then holds the log.
            let message = format!("the log has no reader `{name}`: nothing was archived of it");
            return Err(Error::new(ErrorKind::NotFound, READ, message));
        }
        let reader = Reader { name: name.clone(), sharding: Sharding::ByLane };
        let read = lanes(log, &reader, worker, config.lease_ttl);
        timeout(config.lease_ttl * 2, read).await.unwrap_or_else(|_| {
            let message = format!("a keeper has lanes of `{name}`, and does not give them back");
            Err(Error::new(ErrorKind::Timeout, READ, message))
        })
    }

    /// By lane, the number of the last event that was archived, or dropped before there was an archive.
    pub fn lanes(&self) -> &BTreeMap<Lane, i64> {
        &self.lanes
    }
}

async fn lanes<L: OutboxLog + ?Sized>(
    log: &L,
    reader: &Reader,
    worker: WorkerId,
    lease_ttl: Duration,
) -> Result<RecordedLanes, Error> {
    let mut lanes = BTreeMap::new();
    let membership = log.join(reader, worker, lease_ttl).await?;
    loop {
        let claim = Claim { worker, lanes_max: u16::MAX, lease_ttl };
        let leases = log.claim(reader, claim).await?;
        lanes.extend(leases.iter().map(|lease| (lease.lane, lease.sequence)));
        log.release(reader, worker, &leases).await?;
        if lanes.len() >= usize::from(membership.lanes) {
            return Ok(RecordedLanes { lanes });
        }
        sleep(PAUSE).await;
    }
}

const READ: &str = "ask what was archived";
const PAUSE: Duration = Duration::from_millis(50);
