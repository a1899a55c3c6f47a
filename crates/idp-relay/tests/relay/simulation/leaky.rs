//! A store with a deliberate bug in what it keeps, or in what it says of what it has not kept.

use idp_application::{
    Actor, BoxFuture, Cursor, Deliveries, Error, ErrorKind, HoldFrom, KeepingAction,
    KeepingCommand, LaneBatch, LaneLease, LogKeeping, OutboxLog, PurgeBlock, PurgePolicy,
    PurgeReport, TenantPolicies, TenantTracks, TrackBatch, TrackReading, delegate_port,
};
use idp_memory::MemoryStore;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Drops one event more than the reader has passed that is furthest behind.
    DropsOneMore,
    /// Drops one event more than a tenant that is served apart has passed.
    ForgetsTracks,
    /// Does not count the reader that is furthest behind.
    ForgetsTheSlowest,
    /// Drops what a hold keeps.
    BreaksHolds,
    /// Drops what the policy keeps.
    IsDeafToThePolicy,
    /// Whoever asks for what is gone gets what stands behind it.
    TakesWhatIsGoneForNothing,
}

pub(crate) struct Leaky {
    store: Arc<MemoryStore>,
    bug: Bug,
    /// How many events the store has dropped: the position of the last of them.
    dropped: AtomicI64,
    /// How many are gone, that one more counted.
    gone: AtomicI64,
}

impl Leaky {
    pub(crate) fn new(store: Arc<MemoryStore>, bug: Bug) -> Self {
        Self { store, bug, dropped: AtomicI64::default(), gone: AtomicI64::default() }
    }

    async fn drop_more(&self, policy: &PurgePolicy) -> Result<PurgeReport, Error> {
        match self.bug {
            Bug::ForgetsTheSlowest => {
                let readers = self.store.readers().await?;
                if let Some(slowest) = readers.into_iter().min_by_key(|r| r.furthest_behind.cursor)
                {
                    let (reader, is_forced) = (slowest.name, true);
                    self.command(KeepingAction::Forget { reader, is_forced }).await?;
                }
                self.store.purge(policy).await
            }
            Bug::BreaksHolds => {
                let holds = self.store.holds().await?;
                for hold in &holds {
                    self.command(KeepingAction::Release { name: hold.name.clone() }).await?;
                }
                let report = self.store.purge(policy).await;
                for hold in holds {
                    let (name, from) = (hold.name, HoldFrom::Oldest);
                    self.command(KeepingAction::Hold { name, from }).await?;
                }
                report
            }
            Bug::IsDeafToThePolicy => {
                let deaf = PurgePolicy { keep_for: Duration::ZERO, keep_events: 0, ..*policy };
                self.store.purge(&deaf).await
            }
            Bug::DropsOneMore | Bug::ForgetsTracks | Bug::TakesWhatIsGoneForNothing => {
                self.store.purge(policy).await
            }
        }
    }

    async fn command(&self, action: KeepingAction) -> Result<(), Error> {
        let (actor, reason) = (Actor::new("saboteur"), "a bug".into());
        self.store.keep(&KeepingCommand { actor, action, reason }).await
    }

    /// Behind what was dropped, for whoever is before it.
    fn past(&self, cursor: Cursor) -> Cursor {
        let position = self.dropped.load(Ordering::SeqCst).max(cursor.position);
        Cursor { position, ..cursor }
    }

    /// Fails when one of these places is gone.
    fn check(&self, mut read: impl Iterator<Item = Cursor>) -> Result<(), Error> {
        let gone = self.gone.load(Ordering::SeqCst);
        let message = "what was read was purged";
        let is_gone = read.any(|cursor| cursor.position <= gone);
        if is_gone { Err(Error::new(ErrorKind::Corrupt, "read", message)) } else { Ok(()) }
    }

    fn takes_for_nothing(&self, error: &Error) -> bool {
        self.bug == Bug::TakesWhatIsGoneForNothing && error.kind() == ErrorKind::Corrupt
    }
}

impl LogKeeping for Leaky {
    delegate_port!(LogKeeping { readers, holds, keep, keeping_records } => |this| this.store);

    fn purge<'a>(&'a self, policy: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>> {
        Box::pin(async move {
            let report = self.drop_more(policy).await?;
            let more = i64::try_from(report.events_dropped).expect("few events");
            let dropped = self.dropped.fetch_add(more, Ordering::SeqCst) + more;
            let one_more = match &report.blocked_by {
                Some(PurgeBlock::Reader(_)) if self.bug == Bug::DropsOneMore => true,
                Some(PurgeBlock::Reader(by)) => {
                    by.tenant.is_some() && self.bug == Bug::ForgetsTracks
                }
                _ => false,
            };
            let gone = dropped + i64::from(one_more);
            let before = self.gone.fetch_max(gone, Ordering::SeqCst);
            let events_dropped = u64::try_from(gone - before).unwrap_or_default();
            Ok(PurgeReport { events_dropped, ..report })
        })
    }
}

impl OutboxLog for Leaky {
    delegate_port!(OutboxLog { join, claim, advance, release } => |this| this.store);

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(async move {
            let batches = match self.store.read(leases, limit).await {
                Err(error) if self.takes_for_nothing(&error) => {
                    let past = |l: &LaneLease| LaneLease { cursor: self.past(l.cursor), ..*l };
                    let leases: Vec<LaneLease> = leases.iter().map(past).collect();
                    self.store.read(&leases, limit).await?
                }
                read => read?,
            };
            self.check(batches.iter().flat_map(|batch| &batch.events).map(|event| event.cursor))?;
            Ok(batches)
        })
    }
}

impl Deliveries for Leaky {
    delegate_port!(Deliveries => |this| this.store);
}

impl TenantTracks for Leaky {
    delegate_port!(TenantTracks { tracks, split, merge, record_tracks } => |this| this.store);

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        Box::pin(async move {
            let batches = match self.store.read_tracks(readings, limit).await {
                Err(error) if self.takes_for_nothing(&error) => {
                    let past = |r: &TrackReading| TrackReading {
                        cursor: self.past(r.cursor),
                        ..r.clone()
                    };
                    let readings: Vec<TrackReading> = readings.iter().map(past).collect();
                    self.store.read_tracks(&readings, limit).await?
                }
                read => read?,
            };
            let given = batches.iter().flat_map(|batch| &batch.events);
            self.check(given.filter(|event| event.envelope.is_some()).map(|event| event.cursor))?;
            Ok(batches)
        })
    }
}

impl TenantPolicies for Leaky {
    delegate_port!(TenantPolicies => |this| this.store);
}
