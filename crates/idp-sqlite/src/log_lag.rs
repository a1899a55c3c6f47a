//! How far readers are behind. In one read transaction: the first event that each place has not passed
//! is found in the index, and behind the first of them so many rows are looked at as the bounds say.

use crate::error::translate;
use crate::lease;
use crate::purge;
use crate::store::SqliteStore;
use idp_application::{
    Blocker, BlockerKind, BoxFuture, Error, LagBounds, LagReport, Lane, LogLag, ReaderLag,
    Sharding, TenantLag,
};
use idp_domain::{TenantId, Timestamp};
use rusqlite::{Connection, Row, params};
use std::collections::{BTreeMap, HashMap};

const LIVING: &str =
    "SELECT count(*) FROM idp_reader_worker WHERE reader = ?1 AND alive_until > ?2";

const UNREAD: &str = "
    SELECT position, lane, tenant_id, occurred_at FROM idp_outbox
     WHERE position >= ?1 ORDER BY position LIMIT ?2";

const ASIDE: &str = "
    SELECT count(*) FILTER (WHERE reason <> 'scheduled'),
           count(*) FILTER (WHERE reason = 'scheduled')
      FROM idp_set_aside WHERE reader = ?1";

const PARKED: &str =
    "SELECT count(*), min(since) FROM idp_parked_key WHERE reader = ?1 AND state = 'parked'";

const HOLDS: &str = "SELECT name, position, since FROM idp_log_hold ORDER BY since, name LIMIT ?1";

/// Where one reader stands.
#[derive(Default)]
struct Places {
    /// The position of the first event that some place of it has not passed.
    next: Option<i64>,
    lanes: HashMap<Lane, i64>,
    tracks: HashMap<(Lane, TenantId), i64>,
}

impl Places {
    fn has_passed(&self, lane: Lane, tenant: &TenantId, position: i64) -> bool {
        let track = self.tracks.get(&(lane, tenant.clone()));
        track.or_else(|| self.lanes.get(&lane)).is_none_or(|done| position <= *done)
    }
}

fn report(connection: &Connection, bounds: LagBounds) -> rusqlite::Result<LagReport> {
    // One snapshot, taken once. Dropping it ends it.
    let snapshot = connection.unchecked_transaction()?;
    let now = lease::now(&snapshot)?;
    let mut readers: BTreeMap<String, Places> = BTreeMap::new();
    for lagging in purge::lagging(&snapshot)? {
        let place = lagging.place;
        let places = readers.entry(place.reader).or_default();
        places.next = places.next.into_iter().chain(lagging.next).min();
        let position = place.cursor.position;
        match place.tenant {
            None => places.lanes.insert(place.lane, position),
            Some(tenant) => places.tracks.insert((place.lane, tenant), position),
        };
    }
    let readers = readers
        .into_iter()
        .map(|(name, places)| reader_lag(&snapshot, name, &places, bounds, now))
        .collect::<rusqlite::Result<_>>()?;
    let blockers = blockers(&snapshot, bounds)?;
    Ok(LagReport { now: Timestamp::from_unix_micros(now), readers, blockers })
}

fn reader_lag(
    connection: &Connection,
    name: String,
    places: &Places,
    bounds: LagBounds,
    now: i64,
) -> rusqlite::Result<ReaderLag> {
    let is_whole = places.lanes.contains_key(&Lane::WHOLE);
    let (lags, is_complete) = lags(connection, places, is_whole, bounds)?;
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    let living: i64 =
        connection.prepare_cached(LIVING)?.query_row(params![name, now], |row| row.get(0))?;
    let (blocked, scheduled) = connection
        .prepare_cached(ASIDE)?
        .query_row([&name], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let (parked, since) = connection
        .prepare_cached(PARKED)?
        .query_row([&name], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)))?;
    Ok(ReaderLag {
        name,
        sharding: if is_whole { Sharding::Whole } else { Sharding::ByLane },
        workers_live: u16::try_from(living).unwrap_or(u16::MAX),
        is_complete,
        lags,
        keys_parked: count(parked),
        events_blocked: count(blocked),
        events_scheduled: count(scheduled),
        parked_since: since.map(Timestamp::from_unix_micros),
    })
}

/// What the places have not passed, and whether that is all of it.
fn lags(
    connection: &Connection,
    places: &Places,
    is_whole: bool,
    bounds: LagBounds,
) -> rusqlite::Result<(Vec<TenantLag>, bool)> {
    let Some(next) = places.next else { return Ok((Vec::new(), true)) };
    let mut statement = connection.prepare_cached(UNREAD)?;
    // One more than may be looked at, which says whether there is more.
    let mut rows = statement.query(params![next, i64::from(bounds.events_max) + 1])?;
    let mut lags: BTreeMap<(Lane, TenantId), TenantLag> = BTreeMap::new();
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        if looked_at == bounds.events_max {
            return Ok((lags.into_values().collect(), false));
        }
        looked_at += 1;
        let Some((position, mut lag)) = unread(row)? else { continue };
        if is_whole {
            lag.lane = Lane::WHOLE;
        }
        if places.has_passed(lag.lane, &lag.tenant, position) {
            continue;
        }
        let known = lags
            .entry((lag.lane, lag.tenant.clone()))
            .or_insert(TenantLag { events: 0, ..lag.clone() });
        known.events += 1;
        known.oldest = known.oldest.min(lag.oldest);
    }
    Ok((lags.into_values().collect(), true))
}

/// One event as a lag of one; `None` when its tenant cannot be read, which reading it will tell.
fn unread(row: &Row<'_>) -> rusqlite::Result<Option<(i64, TenantLag)>> {
    let Ok(tenant) = TenantId::new(row.get_ref(2)?.as_str()?) else { return Ok(None) };
    let lane = Lane::from_number(row.get(1)?);
    let oldest = Timestamp::from_unix_micros(row.get(3)?);
    Ok(Some((row.get(0)?, TenantLag { lane, tenant, events: 1, oldest })))
}

fn blockers(connection: &Connection, bounds: LagBounds) -> rusqlite::Result<Vec<Blocker>> {
    let mut statement = connection.prepare_cached(HOLDS)?;
    let holds = statement.query_map([bounds.blockers_max], purge::hold)?;
    let blocker = |hold: rusqlite::Result<idp_application::LogHold>| {
        hold.map(|hold| Blocker {
            kind: BlockerKind::Hold,
            name: hold.name,
            pid: None,
            since: Some(hold.since),
            bytes: None,
            holds_windows: false,
            holds_vacuum: false,
            holds_purge: true,
        })
    };
    holds.map(blocker).collect()
}

impl LogLag for SqliteStore {
    fn lag<'a>(&'a self, bounds: &'a LagBounds) -> BoxFuture<'a, Result<LagReport, Error>> {
        let bounds = *bounds;
        Box::pin(async move {
            bounds.check()?;
            let read = move |c: &Connection| {
                report(c, bounds).map_err(|e| translate("look at the lag", e))
            };
            self.readers.aside(read).await
        })
    }
}
