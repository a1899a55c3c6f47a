//! What the log keeps, and for whom.

use crate::leases::Place;
use crate::log::{behind, index};
use crate::state::State;
use crate::store::MemoryStore;
use idp_application::{
    BoxFuture, Error, ErrorKind, HoldFrom, KeepingAction, KeepingCommand, KeepingRecord,
    LaggingReader, Lane, LogHold, LogKeeping, PurgeBlock, PurgePolicy, PurgeReport, ReaderStatus,
    Sharding,
};
use idp_domain::Timestamp;
use std::collections::BTreeMap;

/// What operators said about the log.
#[derive(Default)]
pub(crate) struct Keeping {
    holds: BTreeMap<String, LogHold>,
    /// The latest last.
    records: Vec<KeepingRecord>,
}

impl Keeping {
    pub(crate) fn holds(&self) -> impl Iterator<Item = &LogHold> {
        self.holds.values()
    }
}

impl State {
    fn purge(&mut self, policy: &PurgePolicy, now: Timestamp) -> PurgeReport {
        let (count, blocked_by) = self.droppable(policy, now);
        PurgeReport { events_dropped: self.log.drop_first(count), blocked_by }
    }

    /// How many of the first events may be dropped, and what keeps the others.
    fn droppable(&self, policy: &PurgePolicy, now: Timestamp) -> (usize, Option<PurgeBlock>) {
        let end = self.log.end();
        let places = self.lagging();
        let Some((reached, reader)) = places.into_iter().min_by_key(|(reached, _)| *reached) else {
            return (self.log.start(), Some(PurgeBlock::NoReader));
        };
        let hold = self.keeping.holds.values().min_by_key(|hold| hold.from);
        let limit = usize::try_from(policy.events_max).unwrap_or(usize::MAX);
        let bounds = [
            Some((reached, PurgeBlock::Reader(reader))),
            hold.map(|hold| (index(hold.from), PurgeBlock::Hold(hold.clone()))),
            Some((self.beyond(policy, now), PurgeBlock::Policy)),
            Some((self.log.start().saturating_add(limit), PurgeBlock::Limit)),
        ];
        let least = bounds.into_iter().flatten().min_by_key(|(count, _)| *count);
        match least {
            Some((count, block)) if count < end => (count, Some(block)),
            _ => (end, None),
        }
    }

    /// How many of the first events the policy does not keep.
    fn beyond(&self, policy: &PurgePolicy, now: Timestamp) -> usize {
        let keep = usize::try_from(policy.keep_events).unwrap_or(usize::MAX);
        let end = self.log.end().saturating_sub(keep);
        if policy.keep_for.is_zero() {
            return end;
        }
        let micros = i64::try_from(policy.keep_for.as_micros()).unwrap_or(i64::MAX);
        let since = now.unix_micros().saturating_sub(micros);
        let is_young = |at: &usize| {
            self.log.occurred_at(*at).is_some_and(|occurred| occurred.unix_micros() > since)
        };
        (self.log.start()..end).find(is_young).unwrap_or(end)
    }

    /// Every place of every reader, with how many events may be dropped for all it needs.
    fn lagging(&self) -> Vec<(usize, LaggingReader)> {
        let lanes = self.readers.places().map(|(reader, lane, place)| (reader, lane, None, place));
        let tracks = self.tenants.iter().flat_map(|(reader, tenants)| {
            tenants.lanes.iter().flat_map(move |(lane, tracks)| {
                tracks.by_tenant.values().map(move |track| {
                    let place = Place { cursor: track.cursor, sequence: track.sequence };
                    (reader.as_str(), *lane, Some(track.tenant.clone()), place)
                })
            })
        });
        lanes
            .chain(tracks)
            .map(|(reader, lane, tenant, Place { cursor, .. })| {
                let reached = self.log.before_next(lane, cursor);
                let since = self.log.occurred_at(reached);
                (reached, LaggingReader { reader: reader.to_owned(), lane, tenant, cursor, since })
            })
            .collect()
    }

    fn reader_statuses(&self, now: Timestamp) -> Vec<ReaderStatus> {
        let mut furthest: BTreeMap<String, (usize, LaggingReader)> = BTreeMap::new();
        for (reached, place) in self.lagging() {
            let known = furthest.get(&place.reader);
            if known.is_none_or(|(other, before)| {
                (reached, place.lane, &place.tenant) < (*other, before.lane, &before.tenant)
            }) {
                furthest.insert(place.reader.clone(), (reached, place));
            }
        }
        let status = |(name, (_, furthest_behind)): (String, (usize, LaggingReader))| {
            let is_whole = furthest_behind.lane == Lane::WHOLE;
            ReaderStatus {
                sharding: if is_whole { Sharding::Whole } else { Sharding::ByLane },
                workers_live: self.readers.workers_live(&name, now),
                events_missed: self.readers.events_missed(&name),
                events_aside: self.side_tracks.get(&name).map_or(0, |side| side.events_aside()),
                furthest_behind,
                name,
            }
        };
        furthest.into_iter().map(status).collect()
    }

    fn keep(&mut self, command: &KeepingCommand, now: Timestamp) -> Result<(), Error> {
        match &command.action {
            KeepingAction::Hold { name, from } => self.hold(name, *from, now)?,
            KeepingAction::Release { name } => {
                let released = self.keeping.holds.remove(name);
                released.ok_or_else(|| missing("release a hold", "hold", name))?;
            }
            KeepingAction::Forget { reader, is_forced } => self.forget(reader, *is_forced, now)?,
        }
        self.keeping.records.push(KeepingRecord {
            at: now,
            actor: command.actor.as_str().to_owned(),
            action: command.action.code().to_owned(),
            subject: command.action.subject().to_owned(),
            reason: command.reason.clone(),
        });
        Ok(())
    }

    fn hold(&mut self, name: &str, from: HoldFrom, now: Timestamp) -> Result<(), Error> {
        if self.keeping.holds.contains_key(name) {
            let message = format!("there is a hold `{name}` already");
            return Err(Error::new(ErrorKind::Duplicate, "hold the log", message));
        }
        let from = match from {
            HoldFrom::Oldest => behind(self.log.start()),
            HoldFrom::Newest => behind(self.log.end()),
        };
        self.keeping.holds.insert(name.into(), LogHold { name: name.into(), from, since: now });
        Ok(())
    }

    fn forget(&mut self, reader: &str, is_forced: bool, now: Timestamp) -> Result<(), Error> {
        if !self.readers.contains(reader) {
            return Err(missing("forget a reader", "reader", reader));
        }
        let workers = self.readers.workers_live(reader, now);
        let aside = self.side_tracks.get(reader).map_or(0, |side| side.events_aside());
        if !is_forced && (workers > 0 || aside > 0) {
            let message =
                format!("`{reader}` has {workers} living workers and {aside} events set aside");
            return Err(Error::new(ErrorKind::Conflict, "forget a reader", message));
        }
        self.readers.forget(reader);
        if let Some(side) = self.side_tracks.get_mut(reader) {
            side.forget_events();
        }
        for tracks in self.tenants.get_mut(reader).into_iter().flat_map(|t| t.lanes.values_mut()) {
            tracks.revision += 1;
            tracks.by_tenant.clear();
        }
        Ok(())
    }
}

fn missing(operation: &'static str, what: &str, name: &str) -> Error {
    Error::new(ErrorKind::NotFound, operation, format!("there is no {what} `{name}`"))
}

impl LogKeeping for MemoryStore {
    fn purge<'a>(&'a self, policy: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>> {
        Box::pin(async move {
            policy.check()?;
            let now = self.now();
            Ok(self.state().purge(policy, now))
        })
    }

    fn readers(&self) -> BoxFuture<'_, Result<Vec<ReaderStatus>, Error>> {
        Box::pin(async move {
            let now = self.now();
            Ok(self.state().reader_statuses(now))
        })
    }

    fn holds(&self) -> BoxFuture<'_, Result<Vec<LogHold>, Error>> {
        Box::pin(async move { Ok(self.state().keeping.holds.values().cloned().collect()) })
    }

    fn keep<'a>(&'a self, command: &'a KeepingCommand) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let now = self.now();
            self.state().keep(command, now)
        })
    }

    fn keeping_records(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeepingRecord>, Error>> {
        Box::pin(async move {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Ok(self.state().keeping.records.iter().rev().take(limit).cloned().collect())
        })
    }
}
