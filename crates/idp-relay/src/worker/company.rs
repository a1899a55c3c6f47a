//! The lanes of a backlog are read together: a reading goes through the log, and so costs the database nearly as
//! much for one lane as for all.

use super::step::TrackTurn;
use super::{LaneWork, Worker};
use idp_domain::TenantId;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The longest that lanes wait for others.
const LONGEST: Duration = Duration::from_millis(50);

/// Until when lanes wait for those of which something is being sent or recorded: for as long as the reading
/// before took, and [`LONGEST`] at most. So no lane waits longer than a reading, however long the send of
/// another takes.
#[derive(Debug)]
pub(super) struct Company {
    until: Instant,
}

impl Company {
    pub(super) fn new(now: Instant) -> Self {
        Self { until: now }
    }

    /// A reading has ended that took so long.
    pub(super) fn read(&mut self, took: Duration, now: Instant) {
        self.until = now + took.min(LONGEST);
    }

    fn lasts(&self, now: Instant) -> Option<Instant> {
        (now < self.until).then_some(self.until)
    }
}

impl Worker {
    /// Until when so many lanes that are ready wait for others: while these are more, and there is a backlog.
    pub(super) fn waits_for_company(&self, ready: usize, now: Instant) -> Option<Instant> {
        let until = self.company_lasts(now)?;
        let busy = self.lanes.values().filter(|work| self.is_under_way(work, now)).count();
        (ready < busy).then_some(until)
    }

    /// The turns of lanes. Where it puts nobody back by more than two batches, lanes serve the tenant that most of
    /// them serve; but not before what is new on the main track.
    pub(super) fn turns_together(&self, lanes: &[&LaneWork], now: Instant) -> Vec<TrackTurn> {
        let own: Vec<_> =
            lanes.iter().filter_map(|work| Some((work, self.turn(work, now)?))).collect();
        let mut counts: BTreeMap<&TenantId, usize> = BTreeMap::new();
        own.iter().filter_map(|(_, turn)| turn.tenant()).for_each(|tenant| {
            *counts.entry(tenant).or_default() += 1;
        });
        let most = counts.into_iter().max_by_key(|(_, lanes)| *lanes);
        let Some(common) = most.map(|(tenant, _)| tenant.clone()) else {
            return own.into_iter().map(|(_, turn)| turn).collect();
        };
        let turns = own.into_iter().map(|(work, turn)| {
            let joins = self.may_join(work, &turn, &common, now);
            let joined = if joins { self.turn_with(work, &common) } else { None };
            let joined = joined.map(|joined| TrackTurn { least: turn.least, ..joined });
            joined.unwrap_or(turn)
        });
        turns.collect()
    }

    /// Whether another tenant may have the turn of a lane: not while it is more than a batch ahead.
    fn may_join(&self, work: &LaneWork, turn: &TrackTurn, common: &TenantId, now: Instant) -> bool {
        let (Some(tracks), Some(tenant)) = (&work.tracks, turn.tenant()) else { return false };
        let is_behind = work.track(tenant).is_some_and(|track| track.is_behind);
        let main_waits = work.news_read < self.news;
        let lead = tracks.served(Some(common)) - tracks.served(Some(tenant));
        let is_usual = !self.tenants.is_special(tenant) && !self.tenants.is_special(common);
        let is_near = lead <= f64::from(self.config.batch_size);
        is_behind && !main_waits && is_usual && is_near && self.may_serve(work, common, now)
    }

    /// Until when a lane waits for others, at the most.
    pub(super) fn company_lasts(&self, now: Instant) -> Option<Instant> {
        self.company.lasts(now).filter(|_| self.has_backlog())
    }

    /// Whether more was read at once than usual; what is known of tracks says nothing when there are none any more.
    pub(super) fn has_backlog(&self) -> bool {
        let has_tracks = || self.lanes.values().any(LaneWork::has_tracks);
        self.pages.are_large() || self.pages_apart.are_large() && has_tracks()
    }

    /// Whether something of the lane is being sent, or has yet to be recorded.
    fn is_under_way(&self, work: &LaneWork, now: Instant) -> bool {
        let can_go_on = !work.leaving
            && work.may_send(now)
            && work.may_record(now)
            && work.rests(now).is_none();
        can_go_on && (self.sending.contains(&work.lease().lane) || !work.is_settled())
    }
}
