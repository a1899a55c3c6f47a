//! A reader of the outbox, as relays and projectors are.

use crate::eventually::eventually;
use crate::fixture::{ann_of, application, given};
use crate::sample::{Counter, CounterId};
use idp_application::{
    Backend, Claim, IdSource, Lane, LaneLease, LaneProgress, LoggedEvent, Reader, Sharding,
    UuidV7Ids, WorkerId,
};
use idp_domain::{EntityId, Envelope, Timestamp, Uuid};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Long enough that no lease of a follower expires by itself.
pub(crate) const LONG: Duration = Duration::from_secs(3_600);

/// The tenant of the events that only mark an end.
const SENTINEL: &str = "sentinel";

/// One worker of a reader that holds leases.
pub(crate) struct Follower {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) reader: Reader,
    pub(crate) worker: WorkerId,
    pub(crate) leases: Vec<LaneLease>,
}

impl Follower {
    /// A worker that has joined and claimed every lane that is free.
    pub(crate) async fn start(backend: &Arc<dyn Backend>, reader: &Reader) -> Self {
        let mut follower = Self::idle(backend, reader);
        follower.join(LONG).await;
        follower.claim(u16::MAX, LONG).await;
        follower
    }

    /// A worker that has done nothing yet.
    pub(crate) fn idle(backend: &Arc<dyn Backend>, reader: &Reader) -> Self {
        Self {
            backend: Arc::clone(backend),
            reader: reader.clone(),
            worker: WorkerId(new_uuid()),
            leases: Vec::new(),
        }
    }

    /// Joins for that long; returns how many workers live and how many lanes there are.
    pub(crate) async fn join(&self, ttl: Duration) -> (u16, u16) {
        let membership = self.backend.join(&self.reader, self.worker, ttl).await;
        let membership = membership.expect("a worker can join");
        (membership.workers_live, membership.lanes)
    }

    /// Claims up to so many lanes more; returns those that it got.
    pub(crate) async fn claim(&mut self, lanes_max: u16, lease_ttl: Duration) -> Vec<LaneLease> {
        let claim = Claim { worker: self.worker, lanes_max, lease_ttl };
        let claimed = self.backend.claim(&self.reader, claim).await.expect("a worker can claim");
        self.leases.extend(&claimed);
        claimed
    }

    /// Reads once; the leases move on, in memory only.
    pub(crate) async fn read(&mut self, limit: u32) -> Vec<(Lane, LoggedEvent)> {
        self.read_once(limit).await.0
    }

    /// Also says whether there is more.
    async fn read_once(&mut self, limit: u32) -> (Vec<(Lane, LoggedEvent)>, bool) {
        let before = self.leases.clone();
        let batches = self.backend.read(&self.leases, limit).await.expect("the log can be read");
        let (mut events, mut has_more) = (Vec::new(), false);
        for batch in batches {
            has_more |= batch.has_more;
            let lease = self.leases.iter_mut().find(|lease| lease.lane == batch.lane);
            let lease = lease.expect("a store reads the lanes that it was asked for");
            assert!(batch.through >= lease.cursor, "a cursor only rises");
            lease.cursor = batch.through;
            lease.sequence += i64::try_from(batch.events.len()).expect("few events");
            events.extend(batch.events.into_iter().map(|event| (batch.lane, event)));
        }
        assert!(events.len() <= limit as usize, "{} events, {limit} asked for", events.len());
        assert!(!has_more || self.leases != before, "a reading of what has more gets on");
        (events, has_more)
    }

    /// Reads on up to the present.
    pub(crate) async fn read_up(&mut self, limit: u32) -> Vec<(Lane, LoggedEvent)> {
        let mut events = Vec::new();
        loop {
            let (read, has_more) = self.read_once(limit).await;
            events.extend(read);
            if !has_more {
                return events;
            }
        }
    }

    /// Reads on until there are so many events more, and no further.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<(Lane, LoggedEvent)> {
        let mut taken = Vec::new();
        eventually(&format!("{count} events"), async || {
            let limit = u32::try_from(count - taken.len()).expect("few events");
            taken.extend(self.read(limit.max(1)).await);
            (taken.len() >= count).then_some(())
        })
        .await;
        assert_eq!(taken.len(), count, "more events than there should be: {taken:#?}");
        taken
    }

    /// Records how far every lane was read; returns the lanes that the worker still holds.
    pub(crate) async fn advance(&self, ttl: Duration) -> Vec<Lane> {
        let progress: Vec<_> = self.leases.iter().map(progress_of).collect();
        let held = self.backend.advance(&self.reader, &progress, ttl).await;
        held.expect("progress can be recorded")
    }

    /// Gives everything back.
    pub(crate) async fn release(&mut self) {
        let leases = std::mem::take(&mut self.leases);
        let released = self.backend.release(&self.reader, self.worker, &leases).await;
        released.expect("leases can be given back");
    }

    /// Gives everything back and claims one lane under a new epoch, which shows how far it is and
    /// fences whatever was sent under the old one. While such a thing is on its way, the lane may
    /// be locked, and is asked for again.
    pub(crate) async fn give_back_and_claim(&mut self) -> LaneLease {
        self.release().await;
        eventually("the lease", async || self.claim(1, LONG).await.first().copied()).await
    }
}

/// The progress of having read as far as the lease says.
pub(crate) fn progress_of(lease: &LaneLease) -> LaneProgress {
    let LaneLease { lane, epoch, cursor, sequence } = *lease;
    LaneProgress { lane, epoch, cursor, sequence }
}

/// A reader that shares the log by lanes.
pub(crate) fn by_lane(name: &str) -> Reader {
    Reader { name: name.into(), sharding: Sharding::ByLane }
}

/// A reader that reads the log as a whole.
pub(crate) fn whole(name: &str) -> Reader {
    Reader { name: name.into(), sharding: Sharding::Whole }
}

/// Everything that is in the log, in the order of the whole, read by a reader of its own up to an
/// event that is committed for the purpose.
pub(crate) async fn whole_log(backend: &Arc<dyn Backend>) -> Vec<Envelope> {
    let mut follower = Follower::start(backend, &whole(&format!("whole {}", new_uuid()))).await;
    let sentinel = new_uuid();
    given(&application(backend), &ann_of(SENTINEL), |unit| {
        let mut counter = Counter::new(CounterId::from_uuid(sentinel));
        counter.observe();
        unit.add(counter)
    })
    .await;
    let mut log: Vec<Envelope> = Vec::new();
    eventually("the event that was committed last", async || {
        log.extend(follower.read(100).await.into_iter().map(|(_, event)| event.envelope));
        log.iter().any(|event| event.aggregate_id == sentinel).then_some(())
    })
    .await;
    log.retain(|event| event.tenant.as_str() != SENTINEL);
    log
}

/// An identity that no other clause draws.
pub(crate) fn new_uuid() -> Uuid {
    static IDS: OnceLock<UuidV7Ids> = OnceLock::new();
    IDS.get_or_init(UuidV7Ids::default).next(Timestamp::from_unix_micros(1_700_000_000_000_000))
}
