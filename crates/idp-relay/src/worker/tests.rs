//! The decisions of a worker, step by step, without clock, I/O or tasks.

mod apart;
mod aside;
mod company;
mod crowd;
mod reading;
mod recording;
mod sending;
mod stopping;
mod tenure;

use super::sample::{batch, cursor, lease, target};
use super::{Ending, Send, Step, Ticket, Worker};
use crate::RelayConfig;
use idp_application::{
    Due, Error, ErrorKind, Lane, LaneBatch, LaneLease, LaneRecord, LaneTracks, Membership,
    PublishError, WorkerId,
};
use idp_domain::Uuid;
use std::time::{Duration, Instant};

/// A worker, and what the time is.
struct Rig {
    worker: Worker,
    now: Instant,
}

impl Rig {
    fn new() -> Self {
        Self::of(&RelayConfig::default())
    }

    fn of(config: &RelayConfig) -> Self {
        let batch_size = u32::try_from(BATCH_SIZE).expect("it is small");
        let config = RelayConfig { batch_size, ..config.clone() };
        let now = Instant::now();
        Self { worker: Worker::new(config, target(), WorkerId(Uuid::from_u128(1)), now), now }
    }

    /// One that is alone, and holds that many lanes under epoch 1, all of them.
    fn holding(lanes: u16) -> Self {
        Self::new().claims(lanes)
    }

    fn claims(mut self, lanes: u16) -> Self {
        self.join(1, lanes);
        assert_eq!(self.next(), Step::Claim(lanes));
        let lanes = i16::try_from(lanes).expect("few lanes");
        self.claimed(&(0..lanes).map(|lane| lease(lane, 1)).collect::<Vec<_>>());
        self
    }

    /// The next step that is not about what is set aside, or tenants apart: nothing is.
    fn next(&mut self) -> Step {
        loop {
            match self.worker.next(self.now) {
                Step::Blocked(lanes) => self.worker.on_blocked(&lanes, Vec::new()),
                Step::Due(leases) => {
                    let sends = self.worker.on_due(&leases, Due::default(), self.now);
                    assert!(sends.is_empty());
                }
                Step::Policies => self.worker.on_policies(Vec::new(), self.now),
                Step::Tracks(leases) => {
                    let of = |lease: &LaneLease| lease.lane;
                    let none = |lane| LaneTracks { lane, revision: 0, tracks: Vec::new() };
                    let known = leases.iter().map(of).map(none).collect();
                    self.worker.on_tracks(&leases, known, self.now);
                }
                step => return step,
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn join(&mut self, workers_live: u16, lanes: u16) {
        assert_eq!(self.next(), Step::Join);
        self.worker.on_joined(Membership { workers_live, lanes, events_missed: 0 });
    }

    fn claimed(&mut self, leases: &[LaneLease]) {
        self.worker.on_claimed(leases, self.now);
    }

    /// Expects that these lanes are read, and answers with events at those positions.
    fn read(&mut self, lanes: &[i16], found: &[(i16, &[i64])]) -> Vec<Send> {
        let Step::Read(reading) = self.next() else { panic!("the worker should read") };
        let asked: Vec<_> = reading.leases.iter().map(|lease| lease.lane.number()).collect();
        assert_eq!(asked, lanes);
        let batches = found
            .iter()
            .map(|(lane, positions)| batch(*lane, positions, *positions.last().expect("events")));
        let mut batches: Vec<LaneBatch> = batches.collect();
        let count: usize = batches.iter().map(|batch| batch.events.len()).sum();
        if count == BATCH_SIZE {
            let asked = lanes.iter().map(|lane| Lane::from_number(*lane));
            cut(&mut batches, asked);
        }
        self.worker.on_read(&reading, batches, self.now)
    }

    fn sent(&mut self, send: &Send) {
        self.worker.on_sent(send.ticket.clone().outcome(None), self.now);
    }

    fn refused(&mut self, send: &Send, accepted: usize) -> Option<Duration> {
        let error = PublishError::unavailable(accepted, "the bus is away");
        self.worker.on_sent(send.ticket.clone().outcome(Some(error)), self.now)
    }

    /// Expects progress of these lanes up to these numbers; all are still held.
    fn advance(&mut self, expected: &[(i16, i64)]) {
        let asked = self.expect_advance();
        let found: Vec<_> =
            asked.iter().map(|r| (r.progress.lane.number(), r.progress.sequence)).collect();
        assert_eq!(found, expected);
        let held: Vec<_> = asked.iter().map(|record| record.progress.lane).collect();
        self.worker.on_recorded(&asked, self.now, &held);
    }

    fn expect_advance(&mut self) -> Vec<LaneRecord> {
        match self.next() {
            Step::Record(records) => records,
            other => panic!("the worker should advance, not {other:?}"),
        }
    }

    /// Expects that the worker waits, and gives for how long.
    fn waits(&mut self) -> Duration {
        match self.next() {
            Step::Wait(until) => until - self.now,
            other => panic!("the worker should wait, not {other:?}"),
        }
    }

    fn heartbeat_missed(&mut self) {
        self.join(1, 1);
        self.expect_advance();
    }

    /// Lets the time of a heartbeat come, with that many workers alive, and all lanes renewed.
    fn heartbeat(&mut self, workers_live: u16, lanes: u16) {
        self.pass(Duration::from_secs(3));
        self.join(workers_live, lanes);
        let asked = self.expect_advance();
        let held: Vec<_> = asked.iter().map(|record| record.progress.lane).collect();
        self.worker.on_recorded(&asked, self.now, &held);
    }
}

/// Says, as a store does whose limit is reached, that there may be more in these lanes.
fn cut(batches: &mut Vec<LaneBatch>, lanes: impl Iterator<Item = Lane>) {
    batches.iter_mut().for_each(|batch| batch.has_more = true);
    let has_batch = |lane: &Lane| batches.iter().any(|batch| batch.lane == *lane);
    let without: Vec<Lane> = lanes.filter(|lane| !has_batch(lane)).collect();
    let unread = |lane: Lane| LaneBatch { has_more: true, ..batch(lane.number(), &[], 0) };
    batches.extend(without.into_iter().map(unread));
}

/// How many events a reading gives at the most.
const BATCH_SIZE: usize = 4;
const POLL: Duration = Duration::from_millis(500);
const SECOND: Duration = Duration::from_secs(1);
