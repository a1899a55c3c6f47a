//! A second reader of the log. It begins late, its workers stand still for longer than their leases
//! last and go on as if nothing had happened, and die.

use super::chance::Chance;
use super::process::Process;
use super::watched::WatchedLog;
use idp_application::{
    Claim, Error, LaneBatch, LaneLease, LaneProgress, OutboxLog, Reader, Sharding, WorkerId,
};
use idp_domain::Uuid;
use idp_testkit::{Fate, Unreliable};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const LEASE_TTL: Duration = Duration::from_secs(5);

pub(crate) struct Second {
    chance: Chance,
    log: Arc<Unreliable<WatchedLog>>,
    reader: Reader,
    /// How many steps of the simulation it waits before it begins.
    waits: u64,
    workers: Vec<Process>,
    workers_started: u128,
}

impl Second {
    /// A reader that shares the log by lanes, or does not.
    pub(crate) fn reader(chance: &Chance) -> Reader {
        let sharding = if chance.dice.percent(50) { Sharding::Whole } else { Sharding::ByLane };
        Reader { name: "second".into(), sharding }
    }

    /// It has yet to begin.
    pub(crate) fn new(log: WatchedLog, reader: Reader, chance: Chance) -> Self {
        let waits = chance.dice.within(0..40);
        let plan = {
            let chance = chance.apart();
            move |_| match chance.dice.within(0..100) {
                _ if chance.is_healed() => Fate::Pass,
                0..3 => Fate::Refused,
                3..6 => Fate::AnswerLost,
                _ => Fate::Pass,
            }
        };
        let log = Arc::new(Unreliable::new(Arc::new(log), plan));
        Self { chance, log, reader, waits, workers: Vec::new(), workers_started: 0 }
    }

    /// Lets time do its work: it begins when its time has come, and then its workers are killed, and
    /// others come.
    pub(crate) fn act(&mut self) {
        match self.waits.checked_sub(1) {
            Some(waits) => self.waits = waits,
            None if self.workers.len() < 2 => self.start_worker(),
            None if self.chance.dice.percent(5) => {
                drop(self.workers.swap_remove(self.chance.dice.place(2)));
            }
            None => {}
        }
    }

    fn start_worker(&mut self) {
        self.workers_started += 1;
        let worker = Worker {
            id: WorkerId(Uuid::from_u128(0x5EC0_0000 + self.workers_started)),
            chance: self.chance.apart(),
            log: self.log.clone(),
            reader: self.reader.clone(),
        };
        self.workers.push(Process::start(async move {
            loop {
                // What fails is tried again; whoever watches the log says what must not fail.
                drop(worker.tenure().await);
                worker.pause().await;
            }
        }));
    }
}

/// One process of the reader.
struct Worker {
    id: WorkerId,
    chance: Chance,
    log: Arc<Unreliable<WatchedLog>>,
    reader: Reader,
}

impl Worker {
    /// Reads some lanes for a while.
    async fn tenure(&self) -> Result<(), Error> {
        self.log.join(&self.reader, self.id, LEASE_TTL).await?;
        let lanes_max = u16::try_from(self.chance.dice.within(1..9)).expect("a small number");
        let claim = Claim { worker: self.id, lanes_max, lease_ttl: LEASE_TTL };
        let mut leases = self.log.claim(&self.reader, claim).await?;
        let mut ended = Ok(());
        while ended.is_ok() && !leases.is_empty() && !self.chance.dice.percent(10) {
            self.pause().await;
            ended = self.read_on(&mut leases).await;
        }
        self.log.release(&self.reader, self.id, &leases).await?;
        ended
    }

    /// Reads, takes its time, and records; keeps the leases that it has not lost.
    async fn read_on(&self, leases: &mut Vec<LaneLease>) -> Result<(), Error> {
        let limit = u32::try_from(self.chance.dice.within(1..40)).expect("a small number");
        let batches = self.log.read(leases, limit).await?;
        self.pause().await;
        let mut read = leases.clone();
        read.iter_mut().for_each(|lease| take(lease, &batches));
        let progress = |lease: &LaneLease| {
            let LaneLease { lane, epoch, cursor, sequence } = *lease;
            LaneProgress { lane, epoch, cursor, sequence }
        };
        let progress: Vec<LaneProgress> = read.iter().map(progress).collect();
        let held = self.log.advance(&self.reader, &progress, LEASE_TTL).await?;
        read.retain(|lease| held.contains(&lease.lane));
        *leases = read;
        Ok(())
    }

    /// A moment, or so long that others take over.
    async fn pause(&self) {
        let millis = match self.chance.dice.within(0..100) {
            _ if self.chance.is_healed() => 100,
            0..7 => self.chance.dice.within(4_000..20_000),
            _ => self.chance.dice.within(1..800),
        };
        sleep(Duration::from_millis(millis)).await;
    }
}

/// Moves a lease over what was read.
fn take(lease: &mut LaneLease, batches: &[LaneBatch]) {
    if let Some(batch) = batches.iter().find(|batch| batch.lane == lease.lane) {
        lease.cursor = batch.through;
        lease.sequence += i64::try_from(batch.events.len()).expect("few events");
    }
}
