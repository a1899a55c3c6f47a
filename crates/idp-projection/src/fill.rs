//! Fills a read model with the events that were dropped from the log before it began.

use crate::folding::{Concerns, Folded};
use idp_application::{
    Applied, Backend, Claim, Error, ErrorKind, LaneLease, LaneProgress, LoggedEvent, Projection,
    ProjectionBatch, ProjectionWrite, Reader, Sharding, WorkerId,
};
use std::time::Duration;

/// What was filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filled {
    /// Events that had been dropped before the read model began, those passed over included.
    pub events: u64,
    /// Rows that were written.
    pub rows: u64,
}

/// Folds the events that were dropped from the log into the rows of a read model that is new, in one
/// transaction, so that it is as if it had followed the log from the beginning. To be done before its
/// first projector starts, on an empty table.
///
/// `events` are those of an archive, in any order: all that were dropped; others are left out. They, and
/// the rows, are held in memory. `worker` must be an identity that nobody has. Done again, before a
/// projector ran, it writes the same rows.
///
/// Fails with [`Conflict`](ErrorKind::Conflict) when a projector has the read model, or had it and has
/// read on; with [`Corrupt`](ErrorKind::Corrupt) when events are missing or cannot be folded; with
/// [`Invalid`](ErrorKind::Invalid) when readers may not have the name. Then nothing was written.
pub async fn fill<P: Projection>(
    projection: &P,
    backend: &dyn Backend,
    worker: WorkerId,
    lease_ttl: Duration,
    events: Vec<LoggedEvent>,
) -> Result<Filled, Error> {
    if let Some(fault) = Reader::name_fault("NAME", P::NAME) {
        return Err(Error::new(ErrorKind::Invalid, FILL, fault));
    }
    let reader = Reader { name: P::NAME.into(), sharding: Sharding::Whole };
    let missed = backend.join(&reader, worker, lease_ttl).await?.events_missed;
    let claim = Claim { worker, lanes_max: 1, lease_ttl };
    let lease = backend.claim(&reader, claim).await?.into_iter().next();
    let lease = lease.ok_or_else(|| conflict("a projector has the read model"))?;
    let filled = write(projection, backend, &reader, lease, lease_ttl, (missed, events)).await;
    // Otherwise it expires.
    let released = backend.release(&reader, worker, &[lease]).await;
    let filled = filled?;
    released?;
    Ok(filled)
}

async fn write<P: Projection>(
    projection: &P,
    backend: &dyn Backend,
    reader: &Reader,
    lease: LaneLease,
    lease_ttl: Duration,
    (missed, mut events): (u64, Vec<LoggedEvent>),
) -> Result<Filled, Error> {
    let LaneLease { lane, epoch, cursor, sequence } = lease;
    if u64::try_from(sequence) != Ok(missed) {
        return Err(conflict("a projector has read on since the read model began"));
    }
    events.retain(|event| event.cursor <= cursor);
    events.sort_by_key(|event| event.cursor);
    let given = u64::try_from(events.len()).unwrap_or(u64::MAX);
    if given != missed {
        let message = format!("{missed} events were dropped before it began, {given} are given");
        return Err(Error::new(ErrorKind::Corrupt, FILL, message));
    }
    let writes = folded(projection, &events)?;
    let rows = u64::try_from(writes.len()).unwrap_or(u64::MAX);
    let progress = LaneProgress { lane, epoch, cursor, sequence };
    let batch = ProjectionBatch { reader: reader.clone(), progress, lease_ttl, writes };
    match backend.apply(batch).await? {
        Applied::Done => {
            tracing::info!(projection = P::NAME, events = given, rows, "the read model is filled");
            Ok(Filled { events: given, rows })
        }
        Applied::Fenced => Err(conflict("a projector has taken the read model over")),
    }
}

fn folded<P: Projection>(
    projection: &P,
    events: &[LoggedEvent],
) -> Result<Vec<ProjectionWrite>, Error> {
    let concerns = Concerns::of(projection, events);
    let Folded { writes, fault, .. } = concerns.fold(projection, Vec::new(), 0);
    fault.map_or(Ok(writes), Err)
}

fn conflict(message: &str) -> Error {
    Error::new(ErrorKind::Conflict, FILL, message)
}

const FILL: &str = "fill the read model";
