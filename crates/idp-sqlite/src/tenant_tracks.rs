//! Tenants that are served apart from the others of their lane; each step one write transaction.

use crate::deliveries::place;
use crate::error::translate;
use crate::letters::unreadable;
use crate::set_aside::Place;
use crate::store::SqliteStore;
use crate::{lease, scope};
use idp_application::{
    BoxFuture, Cursor, DeliveryKey, Error, Lane, LaneLease, LaneProgress, LaneTracks, Reader,
    TenantTrack, TenantTracks, TrackBatch, TrackChange, TrackReading, TrackRecord,
};
use idp_domain::TenantId;
use rusqlite::{Connection, OptionalExtension, Row, params};

const REVISION: &str = "SELECT revision FROM idp_lane_tracks WHERE reader = ?1 AND lane = ?2";

const RAISE: &str = "
    INSERT INTO idp_lane_tracks (reader, lane, revision) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET revision = excluded.revision";

const TRACKS: &str = "
    SELECT tenant_id, generation, \"window\", position, sequence FROM idp_tenant_track
     WHERE reader = ?1 AND lane = ?2 ORDER BY tenant_id";

const SPLIT: &str = "
    INSERT INTO idp_tenant_track
      (reader, lane, tenant_id, generation, \"window\", position, sequence)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const MERGE: &str =
    "DELETE FROM idp_tenant_track WHERE reader = ?1 AND lane = ?2 AND tenant_id = ?3";

/// The further one of both cursors; there is one window.
const SKIP_TO: &str = "
    UPDATE idp_reader_lane SET \"window\" = max(\"window\", ?3), position = max(position, ?4)
     WHERE reader = ?1 AND lane = ?2";

const ADVANCE: &str = "
    UPDATE idp_tenant_track SET \"window\" = ?4, position = ?5, sequence = ?6
     WHERE reader = ?1 AND lane = ?2 AND tenant_id = ?3";

/// The tracks of a lane; `None` when the lease is lost.
fn held_tracks(
    connection: &Connection,
    reader: &str,
    lane: Lane,
    epoch: i64,
) -> Result<Option<LaneTracks>, Error> {
    let failed = |e| translate("tracks", e);
    if held(connection, reader, lane, epoch).map_err(failed)?.is_none() {
        return Ok(None);
    }
    tracks(connection, reader, lane).map(Some)
}

/// How far the lane is; `None` when the lease is lost.
fn held(
    connection: &Connection,
    reader: &str,
    lane: Lane,
    epoch: i64,
) -> rusqlite::Result<Option<(Cursor, i64)>> {
    let progress = LaneProgress { lane, epoch, cursor: Cursor::default(), sequence: 0 };
    place(connection, reader, &progress)
}

fn tracks(connection: &Connection, reader: &str, lane: Lane) -> Result<LaneTracks, Error> {
    let failed = |e| translate("tracks", e);
    let parameters = params![reader, lane.number()];
    let mut statement = connection.prepare_cached(REVISION).map_err(failed)?;
    let revision = statement.query_row(parameters, |row| row.get(0)).optional().map_err(failed)?;
    let mut statement = connection.prepare_cached(TRACKS).map_err(failed)?;
    let rows = statement.query_map(parameters, track).map_err(failed)?;
    let tracks = rows.map(|row| row.map_err(failed)?.ok_or_else(|| unreadable("a track")));
    let tracks = tracks.collect::<Result<_, _>>()?;
    Ok(LaneTracks { lane, revision: revision.unwrap_or(0), tracks })
}

fn track(row: &Row<'_>) -> rusqlite::Result<Option<TenantTrack>> {
    let Ok(tenant) = TenantId::new(&row.get::<_, String>(0)?) else { return Ok(None) };
    let cursor = Cursor { window: row.get(2)?, position: row.get(3)? };
    Ok(Some(TenantTrack { tenant, generation: row.get(1)?, cursor, sequence: row.get(4)? }))
}

/// Changes the tracks of a lane, unless the lease is lost, the revision another one, or there is
/// nothing to change.
fn change(
    connection: &Connection,
    reader: &str,
    change: &TrackChange,
    is_split: bool,
) -> Result<Option<LaneTracks>, Error> {
    let failed = |e| translate(if is_split { "split" } else { "merge" }, e);
    let TrackChange { lane, epoch, revision, tenant } = change;
    let Some((cursor, sequence)) = held(connection, reader, *lane, *epoch).map_err(failed)? else {
        return Ok(None);
    };
    let before = tracks(connection, reader, *lane)?;
    let known = before.tracks.iter().find(|track| track.tenant == *tenant);
    let lane = lane.number();
    let raised = before.revision + 1;
    let run = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql).and_then(|mut s| s.execute(parameters)).map_err(failed)
    };
    match known {
        _ if before.revision != *revision => {}
        None if is_split => {
            run(RAISE, params![reader, lane, raised])?;
            let (window, position) = (cursor.window, cursor.position);
            let place = params![reader, lane, tenant.as_str(), raised, window, position, sequence];
            run(SPLIT, place)?;
        }
        Some(track) if !is_split && track.sequence == sequence => {
            run(RAISE, params![reader, lane, raised])?;
            run(MERGE, params![reader, lane, tenant.as_str()])?;
            run(SKIP_TO, params![reader, lane, track.cursor.window, track.cursor.position])?;
        }
        None | Some(_) => {}
    }
    tracks(connection, reader, change.lane).map(Some)
}

/// Records progress of a track, with what was set aside on the way; false when the lease is lost or
/// the track another one.
fn record(
    connection: &Connection,
    reader: &str,
    record: &TrackRecord,
    now: i64,
) -> Result<bool, Error> {
    let failed = |e| translate("record tracks", e);
    let TrackRecord { lane, epoch, track, aside } = record;
    let Some(tracks) = held_tracks(connection, reader, *lane, *epoch)? else { return Ok(false) };
    let is_same =
        |known: &&TenantTrack| known.tenant == track.tenant && known.generation == track.generation;
    let Some(known) = tracks.tracks.iter().find(is_same) else { return Ok(false) };
    if track.cursor <= known.cursor {
        return Ok(true);
    }
    // What stands before the place was set aside when that place was recorded.
    let passed = known.sequence + 1..=track.sequence;
    for aside in aside.iter().filter(|aside| passed.contains(&aside.sequence)) {
        let key = DeliveryKey::of(&aside.envelope);
        Place { reader, lane: *lane, key: &key }.insert(connection, aside, now).map_err(failed)?;
    }
    let (tenant, cursor) = (track.tenant.as_str(), track.cursor);
    let place =
        params![reader, lane.number(), tenant, cursor.window, cursor.position, track.sequence];
    connection.prepare_cached(ADVANCE).and_then(|mut s| s.execute(place)).map_err(failed)?;
    Ok(true)
}

impl TenantTracks for SqliteStore {
    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>> {
        let (reader, leases) = (reader.name.clone(), leases.to_vec());
        Box::pin(self.readers.aside(move |connection| {
            // One snapshot, taken once. Dropping it ends it.
            let failed = |e| translate("tracks", e);
            let snapshot = connection.unchecked_transaction().map_err(failed)?;
            let tracks = leases.iter().map(|l| held_tracks(&snapshot, &reader, l.lane, l.epoch));
            tracks.filter_map(Result::transpose).collect()
        }))
    }

    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        let (reader, given) = (reader.name.clone(), change.clone());
        let split = move |c: &Connection| self::change(c, &reader, &given, true);
        Box::pin(self.writer.run("split", split))
    }

    fn merge<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        let (reader, given) = (reader.name.clone(), change.clone());
        let merge = move |c: &Connection| self::change(c, &reader, &given, false);
        Box::pin(self.writer.run("merge", merge))
    }

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        let readings = readings.to_vec();
        Box::pin(self.readers.aside(move |c| scope::read_tracks(c, &readings, limit)))
    }

    fn record_tracks<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [TrackRecord],
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        let (reader, records) = (reader.name.clone(), records.to_vec());
        let work = move |connection: &Connection| {
            let now = lease::now(connection).map_err(|e| translate("record tracks", e))?;
            let mut recorded = Vec::with_capacity(records.len());
            for one in &records {
                if record(connection, &reader, one, now)? {
                    recorded.push(one.lane);
                }
            }
            Ok(recorded)
        };
        Box::pin(self.writer.run("record tracks", work))
    }
}
