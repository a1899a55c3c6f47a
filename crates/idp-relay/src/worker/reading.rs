//! Which lanes are read next, and what becomes of what was read.

use super::{LaneWork, Reading, Send, Step, Worker};
use idp_application::LaneBatch;
use std::time::Instant;

impl Worker {
    /// Reads on from all lanes that wait for it. Lanes that got events wait until the others had
    /// their turn; lanes that may hold what cannot be read are read one by one.
    pub(super) fn read(&mut self, now: Instant) -> Option<Step> {
        let is_ready = |work: &&LaneWork| self.is_ready(work, now);
        let ready: Vec<&LaneWork> = self.lanes.values().filter(is_ready).collect();
        let mut waiting = ready.clone();
        waiting.retain(|work| work.round_served < self.round);
        if waiting.is_empty() {
            waiting = ready;
            self.round += 1;
        }
        let mut trusted = waiting.clone();
        trusted.retain(|work| !work.suspect);
        if trusted.is_empty() {
            trusted = waiting.into_iter().take(1).collect();
        }
        let leases: Vec<_> = trusted.into_iter().map(LaneWork::lease).collect();
        (!leases.is_empty()).then_some(Step::Read(Reading { leases, news: self.news }))
    }

    fn is_ready(&self, work: &LaneWork, now: Instant) -> bool {
        work.news_read < self.news
            && work.may_send(now)
            && work.rests(now).is_none()
            && !work.leaving
            && !self.sending.contains(&work.lease().lane)
    }

    /// Takes what was read, and says what is to be sent.
    pub(crate) fn on_read(
        &mut self,
        reading: &Reading,
        batches: Vec<LaneBatch>,
        now: Instant,
    ) -> Vec<Send> {
        self.answered();
        let events: usize = batches.iter().map(|batch| batch.events.len()).sum();
        let limit = usize::try_from(self.config.batch_size).unwrap_or(usize::MAX);
        let all_read = events < limit;
        for lease in &reading.leases {
            if let Some(work) = self.lanes.get_mut(&lease.lane) {
                work.suspect = false;
                if all_read {
                    work.news_read = reading.news;
                }
            }
        }
        let sends = batches.into_iter().filter_map(|batch| self.send(reading, batch, now));
        let sends = sends.collect();
        self.round += u64::from(all_read);
        sends
    }

    /// What is to be sent of a batch, if the worker may.
    fn send(&mut self, reading: &Reading, batch: LaneBatch, now: Instant) -> Option<Send> {
        let until = now + self.config.publish_timeout;
        let asked = reading.leases.iter().find(|lease| lease.lane == batch.lane)?;
        let work = self.lanes.get_mut(&batch.lane).filter(|work| work.lease() == *asked)?;
        if batch.events.is_empty() {
            work.passed(batch.through);
            return None;
        }
        work.round_served = self.round;
        work.news_read = 0;
        // When reading took too long, it is read again once the lease is renewed.
        let may_send = work.may_send(now) && self.sending.insert(batch.lane);
        may_send.then(|| Send::of(work.lease(), batch, until.min(work.deadline())))
    }

    /// What is stored in one of the lanes cannot be read. Says whether it is known which.
    pub(crate) fn on_unreadable(&mut self, reading: &Reading, now: Instant) -> bool {
        self.answered();
        let is_known = reading.leases.len() == 1;
        for lease in &reading.leases {
            let Some(work) = self.lanes.get_mut(&lease.lane) else { continue };
            work.suspect = true;
            if is_known {
                work.failures += 1;
                work.rest_until(now + self.backoff.pause_after(work.failures));
            }
        }
        is_known
    }
}
