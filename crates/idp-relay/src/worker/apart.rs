//! Tenants that are served apart: which are split off and merged, what is read of whom, and what
//! becomes of it. The protocol is that of [`TenantTracks`](idp_application::TenantTracks).

use super::answers::Recorded;
use super::blocked::Blocked;
use super::send::{Send, Ticket};
use super::sorting::{Bounds, Sorting};
use super::step::{TrackTurn, TracksReading};
use super::tracks::{Change, Tracks};
use super::{LaneWork, Step, Worker};
use idp_application::{
    Lane, LaneLease, LaneTracks, Message, Stream, TenantPolicy, TenantScope, Track, TrackBatch,
    TrackChange, TrackEvent, TrackRecord,
};
use idp_domain::TenantId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

impl Worker {
    /// Asks how tenants are to be served. Without an answer it goes on with what it knew until the
    /// next heartbeat; but nothing is sent before it knew anything.
    pub(super) fn ask_policies(&mut self) -> Option<Step> {
        let is_due = self.due.policies;
        self.due.policies = is_due && !self.tenants.is_known();
        is_due.then_some(Step::Policies)
    }

    /// These are the policies of now.
    pub(crate) fn on_policies(&mut self, policies: Vec<TenantPolicy>, now: Instant) {
        self.answered();
        self.due.policies = false;
        if self.tenants.learn(policies, now) {
            self.news += 1;
        }
    }

    /// How many tenants are paused, as far as it knows.
    pub(crate) fn tenants_paused(&self) -> usize {
        self.tenants.paused()
    }

    /// How many tracks of tenants there are in the lanes that it holds.
    pub(crate) fn tracks_held(&self) -> usize {
        self.lanes.values().filter_map(|work| work.tracks.as_ref()).map(|t| t.by_tenant.len()).sum()
    }

    /// How many of them nobody has asked for: their tenant filled the lane.
    pub(crate) fn tracks_automatic(&self) -> usize {
        let tracks = self.lanes.values().filter_map(|work| work.tracks.as_ref());
        let tenants = tracks.flat_map(|tracks| tracks.by_tenant.keys());
        tenants.filter(|tenant| !self.tenants.is_special(tenant)).count()
    }

    /// How many of them stand still because their tenant is paused: what is behind them cannot be
    /// purged.
    pub(crate) fn tracks_paused(&self) -> usize {
        let tracks = self.lanes.values().filter_map(|work| work.tracks.as_ref());
        let tenants = tracks.flat_map(|tracks| tracks.by_tenant.keys());
        tenants.filter(|tenant| self.tenants.is_paused(tenant)).count()
    }

    /// Asks for the tracks of the lanes of which they are not known.
    pub(super) fn ask_tracks(&self, now: Instant) -> Option<Step> {
        let unknown = |work: &&LaneWork| work.tracks.is_none() && work.may_send(now);
        let leases = self.to_ask(unknown, now).into_iter().map(LaneWork::lease);
        let leases: Vec<LaneLease> = leases.collect();
        (!leases.is_empty()).then_some(Step::Tracks(leases))
    }

    /// These are the tracks. A lane that is left out may be lost: the database says at the next
    /// record.
    pub(crate) fn on_tracks(&mut self, asked: &[LaneLease], known: Vec<LaneTracks>, now: Instant) {
        self.answered();
        for tracks in known {
            if let Some(work) = self.lanes.get_mut(&tracks.lane) {
                work.tracks.get_or_insert_default().learn(tracks);
            }
        }
        for lease in asked {
            let work = self.lanes.get_mut(&lease.lane).filter(|work| work.tracks.is_none());
            if let Some(work) = work {
                work.suspend(now);
                self.due.renew = true;
            }
        }
    }

    /// Splits off or merges where that was asked for, or is possible now.
    pub(super) fn change_tracks(&mut self, now: Instant) -> Option<Step> {
        let ready = |work: &&LaneWork| self.is_ready(work, now);
        let lanes = self.lanes.values().filter(ready);
        let (lane, change) =
            lanes.filter_map(|work| Some((work.lease().lane, self.wanted_change(work)?))).next()?;
        let work = self.lanes.get_mut(&lane)?;
        let epoch = work.epoch();
        let tracks = work.tracks.as_mut()?;
        tracks.change = Some(change.clone());
        let revision = tracks.revision;
        let of = |tenant| TrackChange { lane, epoch, revision, tenant };
        Some(match change {
            Change::Split(tenant) => Step::Split(of(tenant)),
            Change::Merge(tenant) => Step::Merge(of(tenant)),
        })
    }

    fn wanted_change(&self, work: &LaneWork) -> Option<Change> {
        let tracks = work.tracks.as_ref()?;
        let level = |(_, track): &(&TenantId, &super::tracks::TrackWork)| {
            track.track.sequence == work.lease().sequence
        };
        let mut level = tracks.by_tenant.iter().filter(level);
        // Behind the end of the lane no owner before can have sent anything of the track. Before it, none can of one
        // that was split off in this tenure and stands where all that was sent of the lane is done. This one can have,
        // of what came since the lane was read.
        let makes_room = || self.lacks_room(work) && self.is_sure(work);
        let merge = level.find(|(tenant, track)| {
            let is_sure = work.news_read > 0 || track.is_own && makes_room();
            is_sure && track.is_sure() && !self.tenants.is_special(tenant)
        });
        let merge = merge.map(|(tenant, _)| tenant);
        let change = tracks.change.clone().or_else(|| merge.cloned().map(Change::Merge));
        change.or_else(|| self.wants_apart(work).map(Change::Split))
    }

    /// The log answered a split or a merge. Says whether the lane is lost.
    pub(crate) fn on_changed(&mut self, asked: &TrackChange, known: Option<LaneTracks>) -> bool {
        self.answered();
        let work = self.lanes.get_mut(&asked.lane).filter(|work| work.epoch() == asked.epoch);
        let Some(work) = work else { return false };
        let Some(known) = known else {
            self.lanes.remove(&asked.lane);
            return true;
        };
        let place = work.crowd.after(asked, &known);
        let is_done = known.revision == asked.revision + 1;
        if let Some(cursor) = work.tracks.get_or_insert_default().learn(known) {
            work.passed(cursor);
        }
        if let Some(track) = work.track_mut(&asked.tenant).filter(|_| is_done) {
            track.is_own = true;
        }
        if let Some(place) = place {
            work.passed_over(place);
        }
        false
    }

    /// The part of the lanes that it holds.
    pub(super) fn part(&self) -> f64 {
        let count = |lanes: usize| f64::from(u32::try_from(lanes).unwrap_or(u32::MAX));
        count(self.lanes.len()) / count(self.lanes_in_all.max(self.lanes.len()).max(1))
    }

    /// Whether there is something to read in the lane.
    pub(super) fn has_turn(&self, work: &LaneWork, now: Instant) -> bool {
        match &work.tracks {
            Some(tracks) if tracks.change.is_some() => false,
            Some(tracks) if tracks.by_tenant.is_empty() => work.news_read < self.news,
            Some(_) => self.turn(work, now).is_some(),
            None => false,
        }
    }

    /// Which track of the lane comes next: of those that wait, the one that had least by its weight.
    pub(super) fn turn(&self, work: &LaneWork, now: Instant) -> Option<TrackTurn> {
        let tracks = work.tracks.as_ref()?;
        let main = (work.news_read < self.news).then_some(None);
        let waiting = tracks.by_tenant.keys().filter(|tenant| self.may_serve(work, tenant, now));
        let least = main
            .into_iter()
            .chain(waiting.map(Some))
            .min_by(|one, other| tracks.served(*one).total_cmp(&tracks.served(*other)))?;
        Some(self.turn_of(work, tracks, least))
    }

    /// The turn of a lane on the track of a tenant, whoever comes next.
    pub(super) fn turn_with(&self, work: &LaneWork, tenant: &TenantId) -> Option<TrackTurn> {
        Some(self.turn_of(work, work.tracks.as_ref()?, Some(tenant)))
    }

    pub(super) fn may_serve(&self, work: &LaneWork, tenant: &TenantId, now: Instant) -> bool {
        let Some(track) = work.track(tenant).filter(|track| track.news_read < self.news) else {
            return false;
        };
        // One that is to be merged and is ahead waits for the others.
        let waits =
            !self.tenants.is_special(tenant) && track.track.sequence >= work.lease().sequence;
        !waits
            && !self.tenants.is_paused(tenant)
            && self.tenants.allowed(tenant, now, self.part()) > 0
    }

    /// A track that is to be merged is read no further than where it meets the main track.
    fn turn_of(&self, work: &LaneWork, tracks: &Tracks, tenant: Option<&TenantId>) -> TrackTurn {
        let (lease, least) = (work.lease(), tracks.served(tenant));
        let meets = |(tenant, track): (&TenantId, &super::tracks::TrackWork)| {
            let ahead = track.track.sequence > lease.sequence && !self.tenants.is_special(tenant);
            ahead.then_some(track.track.cursor)
        };
        let Some((tenant, track)) =
            tenant.and_then(|tenant| tracks.by_tenant.get_key_value(tenant))
        else {
            let until = tracks.by_tenant.iter().filter_map(meets).min();
            let scope = TenantScope::Except(tracks.tenants());
            return TrackTurn { lease, generation: None, scope, until, least };
        };
        let until = (!self.tenants.is_special(tenant)).then_some(lease.cursor);
        let TenantTrackPlace { lease, generation } = place_of(lease, track);
        let scope = TenantScope::Only(tenant.clone());
        TrackTurn { lease, generation: Some(generation), scope, until, least }
    }

    /// When something may be read that a limit forbids now.
    pub(super) fn limits_end(&self, work: &LaneWork, now: Instant) -> Option<Instant> {
        let tracks = work.tracks.as_ref()?;
        let unread = tracks.by_tenant.iter().filter(|(tenant, track)| {
            track.news_read < self.news && !self.tenants.is_paused(tenant)
        });
        unread.filter_map(|(tenant, _)| self.tenants.ready_at(tenant, now, self.part())).min()
    }

    /// Takes what was read of tracks, and says what is to be sent.
    pub(crate) fn on_tracks_read(
        &mut self,
        reading: &TracksReading,
        batches: Vec<TrackBatch>,
        now: Instant,
    ) -> Vec<Send> {
        self.answered();
        let asked = self.asked(reading.limit, reading.turns.len());
        self.pages_apart.read(&asked, &batches);
        let more = batches.iter().filter(|batch| batch.has_more).map(|batch| batch.lane);
        let more: BTreeSet<Lane> = more.collect();
        for turn in &reading.turns {
            let Some(work) = self.lanes.get_mut(&turn.lease.lane) else { continue };
            (work.suspect, work.unreadable) = (false, false);
            let has_more = more.contains(&turn.lease.lane);
            if let Some(track) = turn.tenant().and_then(|tenant| work.track_mut(tenant)) {
                track.is_behind = has_more;
            }
            if turn.until.is_none() && !has_more {
                work.read_up_to(turn.tenant(), reading.news);
            }
        }
        let sends = batches.into_iter().filter_map(|batch| {
            let turn = reading.turns.iter().find(|turn| turn.lease.lane == batch.lane)?;
            self.send_track(turn, batch, now)
        });
        let sends = sends.collect();
        for turn in reading.turns.iter().filter(|turn| turn.tenant().is_none()) {
            if let Some(work) = self.lanes.get_mut(&turn.lease.lane) {
                work.note_end();
            }
        }
        self.round += u64::from(more.is_empty());
        sends
    }

    fn send_track(&mut self, turn: &TrackTurn, batch: TrackBatch, now: Instant) -> Option<Send> {
        let lane = batch.lane;
        let (tenant, part, bounds) = (turn.tenant(), self.part(), self.bounds());
        let work = self.lanes.get_mut(&lane).filter(|work| work.stands_at(turn))?;
        if batch.events.is_empty() {
            if batch.through > turn.lease.cursor {
                work.round_served = self.round; // It is where the others are.
            }
            work.track_passed(tenant, batch.through);
            return None;
        }
        work.round_served = self.round;
        work.read_up_to(tenant, 0);
        if !work.may_send(now) {
            return None; // It took too long; it is read again once the lease is renewed.
        }
        if tenant.is_none() {
            let met = met(turn.lease.sequence, &batch.events);
            if let Some(met) = self.must_wait(lane, &met) {
                self.wants_split(lane, met);
                return None;
            }
            self.count_crowd(lane, &met);
        }
        let work = self.lanes.get_mut(&lane)?;
        let allowed = tenant.map_or(usize::MAX, |t| self.tenants.allowed(t, now, part));
        let messages_max =
            usize::try_from(self.config.batch_size).unwrap_or(usize::MAX).min(allowed);
        let bounds = Bounds { messages_max, ..bounds };
        let blocked = work.blocked.get_or_insert_with(Blocked::default).clone();
        let refusal = work.refusal_of(tenant).cloned();
        let track = turn.generation.zip(tenant.cloned());
        let track =
            track.map_or(Track::Main, |(generation, tenant)| Track::Tenant { tenant, generation });
        let stream = Stream { target: self.target.name_shared(), lane, track };
        let sorting = Sorting::of(&self.target, turn.lease, &blocked, refusal.as_ref());
        let sorting = sorting.on(Arc::new(stream)).within(bounds);
        let (sorted, messages) = sorting.sort_events(batch.events.into_iter(), batch.through);
        let passed = sorted.events();
        if sorted.slots.is_empty() {
            if messages_max > 0 {
                self.stall(lane, now);
            }
            return None;
        }
        let ticket = Ticket::main(turn.lease, sorted, 0).on_track(tenant.cloned());
        if messages.is_empty() {
            let cost = f64::from(u32::try_from(passed).unwrap_or(u32::MAX)) * PASSING;
            let work = self.lanes.get_mut(&lane)?;
            work.tracks.get_or_insert_default().serve(tenant, cost, turn.least);
            self.on_moved(ticket.outcome(None));
            return None;
        }
        let cost = self.cost(&messages);
        let work = self.lanes.get_mut(&lane)?;
        work.tracks.get_or_insert_default().serve(tenant, cost, turn.least);
        let until = (now + self.config.publish_timeout).min(work.deadline());
        work.attempts_on(tenant, turn.lease.sequence + passed);
        if let Some(tenant) = tenant {
            self.tenants.take(tenant, messages.len(), now, part);
        }
        self.sending.insert(lane).then_some(Send { messages, until, ticket })
    }

    /// What messages cost a track: those of the tenant that gets most, by its weight.
    fn cost(&self, messages: &[Message]) -> f64 {
        let mut costs: BTreeMap<&TenantId, f64> = BTreeMap::new();
        for message in messages {
            let tenant = &message.event.tenant;
            *costs.entry(tenant).or_default() += 1.0 / self.tenants.weight(tenant);
        }
        costs.into_values().fold(0.0, f64::max)
    }

    /// Who of these must be split off before anything of the lane is sent. Unless it is paused, not
    /// before all that may have been sent of it was acknowledged.
    pub(super) fn must_wait(&self, lane: Lane, met: &[(i64, &TenantId)]) -> Option<TenantId> {
        let is_sure = self.lanes.get(&lane).is_some_and(|work| self.is_sure(work));
        let mut tenants = met.iter().map(|(_, tenant)| *tenant);
        let must = tenants.find(|tenant| match is_sure {
            true => self.tenants.is_special(tenant),
            false => self.tenants.is_paused(tenant),
        });
        must.cloned()
    }

    /// Has a tenant split off before more of the lane is sent.
    pub(super) fn wants_split(&mut self, lane: Lane, tenant: TenantId) {
        if let Some(work) = self.lanes.get_mut(&lane) {
            work.tracks.get_or_insert_default().change = Some(Change::Split(tenant));
        }
    }

    /// The log recorded the progress on tracks of the lanes that it names. The others are lost.
    pub(crate) fn on_tracks_recorded(&mut self, asked: &[TrackRecord], held: &[Lane]) -> Recorded {
        self.answered();
        self.note_recorded(asked.iter().map(|record| record.lane));
        let mut recorded = Recorded::default();
        for TrackRecord { lane, epoch, track, .. } in asked {
            let work = self.lanes.get_mut(lane).filter(|work| work.epoch() == *epoch);
            let Some(work) = work else { continue };
            if !held.contains(lane) {
                self.lanes.remove(lane);
                recorded.fenced.push(*lane);
            } else if let Some(of_track) = work.track_mut(&track.tenant) {
                let (events, was_set_aside) = of_track.recorded(track);
                recorded.events += events;
                work.side_pending |= was_set_aside;
            }
        }
        recorded
    }
}

/// What an event costs a track that is only passed over, where one that is sent costs 1.
const PASSING: f64 = 1.0 / 64.0;

/// Whose events were read behind that number, each with its own.
fn met(start: i64, events: &[TrackEvent]) -> Vec<(i64, &TenantId)> {
    let mut number = start;
    let mut met = Vec::with_capacity(events.len());
    for event in events {
        number += i64::from(event.count);
        met.extend(event.envelope.as_ref().map(|envelope| (number, &envelope.tenant)));
    }
    met
}

struct TenantTrackPlace {
    lease: LaneLease,
    generation: i64,
}

/// The lease, at the place of a track.
fn place_of(lease: LaneLease, work: &super::tracks::TrackWork) -> TenantTrackPlace {
    let (cursor, sequence) = (work.track.cursor, work.track.sequence);
    let lease = LaneLease { cursor, sequence, ..lease };
    TenantTrackPlace { lease, generation: work.track.generation }
}
