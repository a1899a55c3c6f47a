//! A reader that remembers what it got.

use idp_application::{
    Backend, Claim, Error, ErrorKind, Lane, LaneLease, LaneProgress, Reader, Sharding, WorkerId,
};
use idp_domain::{Envelope, Uuid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const LEASE: Duration = Duration::from_secs(600);

type Lanes = BTreeMap<Lane, Vec<(i64, Envelope)>>;

/// What a reader got, lane by lane: each event with its number.
#[derive(Clone, Default)]
pub(crate) struct Got {
    lanes: Arc<Mutex<Lanes>>,
    troubles: Arc<Mutex<BTreeSet<String>>>,
}

impl Got {
    pub(crate) fn ids(&self) -> BTreeSet<Uuid> {
        let lanes = self.lanes.lock().expect("nobody panics with it");
        lanes.values().flatten().map(|(_, event)| event.event_id).collect()
    }

    /// What is wrong with it, when it should be all of these.
    pub(crate) fn faults(&self, name: &str, all: &BTreeMap<Uuid, Envelope>) -> Vec<String> {
        let mut faults: Vec<String> =
            self.troubles.lock().expect("nobody panics with it").iter().cloned().collect();
        let got = self.ids();
        let missing = all.keys().filter(|id| !got.contains(id)).count();
        if missing > 0 {
            faults.push(format!("`{name}` never got {missing} events"));
        }
        let mut versions: BTreeMap<Uuid, i64> = BTreeMap::new();
        for (lane, events) in &*self.lanes.lock().expect("nobody panics with it") {
            for (expected, (number, event)) in (1..).zip(events) {
                if expected != *number {
                    faults.push(format!("`{name}` got {number} of {lane:?}, not {expected}"));
                    break;
                }
                let last = versions.insert(event.aggregate_id, event.aggregate_version);
                if last.is_some_and(|last| last > event.aggregate_version) {
                    faults.push(format!("`{name}` got {lane:?} out of order"));
                    break;
                }
                if all.get(&event.event_id) != Some(event) {
                    faults.push(format!("`{name}` got another event than was committed"));
                    break;
                }
            }
        }
        faults
    }

    fn take(&self, lane: Lane, number: i64, event: Envelope) {
        self.lanes
            .lock()
            .expect("nobody panics with it")
            .entry(lane)
            .or_default()
            .push((number, event));
    }

    fn trouble(&self, text: String) {
        self.troubles.lock().expect("nobody panics with it").insert(text);
    }
}

/// A worker of a reader, alone.
pub(crate) struct Follower {
    backend: Arc<dyn Backend>,
    pub(crate) reader: Reader,
    worker: WorkerId,
    pub(crate) leases: Vec<LaneLease>,
    pub(crate) got: Got,
}

impl Follower {
    pub(crate) async fn join(
        backend: &Arc<dyn Backend>,
        name: &str,
        sharding: Sharding,
        worker: u128,
    ) -> Self {
        let mut follower = Self {
            backend: Arc::clone(backend),
            reader: Reader { name: name.into(), sharding },
            worker: WorkerId(Uuid::from_u128(worker)),
            leases: Vec::new(),
            got: Got::default(),
        };
        follower.claim().await.expect("the store answers");
        follower
    }

    async fn claim(&mut self) -> Result<(), Error> {
        self.backend.join(&self.reader, self.worker, LEASE).await?;
        let claim = Claim { worker: self.worker, lanes_max: u16::MAX, lease_ttl: LEASE };
        self.leases = self.backend.claim(&self.reader, claim).await?;
        Ok(())
    }

    /// Reads on, at most so many events, and records it; says whether there may be more. What it reads
    /// of an event that is dropped, or of a place that is not its own any more, is a trouble.
    pub(crate) async fn read_on(&mut self, limit: u32) -> bool {
        match self.try_read_on(limit).await {
            Ok(has_more) => has_more,
            Err(error) => {
                let is_dropped = error.kind() == ErrorKind::Corrupt;
                if is_dropped {
                    self.got.trouble(format!(
                        "what `{}` had to read was dropped: {error}",
                        self.reader.name
                    ));
                }
                !is_dropped
            }
        }
    }

    async fn try_read_on(&mut self, limit: u32) -> Result<bool, Error> {
        let batches = self.backend.read(&self.leases, limit).await?;
        let has_more = batches.iter().any(|batch| batch.has_more);
        for batch in batches {
            let lease = self.leases.iter_mut().find(|lease| lease.lane == batch.lane);
            let lease = lease.expect("a store reads what it is asked for");
            for event in batch.events {
                lease.sequence += 1;
                self.got.take(batch.lane, lease.sequence, event.envelope);
            }
            lease.cursor = batch.through;
        }
        let progress: Vec<_> = self.leases.iter().map(progress_of).collect();
        let held = self.backend.advance(&self.reader, &progress, LEASE).await?;
        if held.len() < progress.len() {
            self.got.trouble(format!("`{}` lost its place in the log", self.reader.name));
            self.claim().await?;
        }
        Ok(has_more)
    }
}

fn progress_of(lease: &LaneLease) -> LaneProgress {
    let LaneLease { lane, epoch, cursor, sequence } = *lease;
    LaneProgress { lane, epoch, cursor, sequence }
}
