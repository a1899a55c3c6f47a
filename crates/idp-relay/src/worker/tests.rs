//! The decisions of a worker, step by step, without clock, I/O or tasks.

mod apart;
mod aside;
mod reading;
mod sending;
mod stopping;
mod tenure;

use super::sample::{batch, cursor, lease, target};
use super::{Ending, Send, Step, Ticket, Worker};
use crate::RelayConfig;
use idp_application::{
    Due, Error, ErrorKind, Lane, LaneLease, LaneRecord, LaneTracks, Membership, PublishError,
    WorkerId,
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
        let config = RelayConfig { batch_size: 4, ..RelayConfig::default() };
        let now = Instant::now();
        Self { worker: Worker::new(config, target(), WorkerId(Uuid::from_u128(1)), now), now }
    }

    /// One that is alone, and holds that many lanes under epoch 1, all of them.
    fn holding(lanes: u16) -> Self {
        let mut rig = Self::new();
        rig.join(1, lanes);
        assert_eq!(rig.next(), Step::Claim(lanes));
        let lanes = i16::try_from(lanes).expect("few lanes");
        rig.claimed(&(0..lanes).map(|lane| lease(lane, 1)).collect::<Vec<_>>());
        rig
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
        self.worker.on_joined(Membership { workers_live, lanes });
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
        self.worker.on_read(&reading, batches.collect(), self.now)
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

const POLL: Duration = Duration::from_millis(500);
const SECOND: Duration = Duration::from_secs(1);
