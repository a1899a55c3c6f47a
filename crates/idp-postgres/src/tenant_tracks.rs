//! Tenants that are served apart from the others of their lane (`sql/idp_tenant_track.sql`).

use crate::error::corrupt;
use crate::lease::run;
use crate::parameter::Parameter;
use crate::set_aside;
use crate::store::PgStore;
use idp_application::{
    BoxError, BoxFuture, Cursor, Error, Lane, LaneLease, LaneTracks, Reader, TenantTrack,
    TenantTracks, TrackBatch, TrackChange, TrackReading, TrackRecord,
};
use idp_domain::{TenantId, Value};
use tokio_postgres::Row;

/// One row for each track, or one without a track, of each lane that is held.
const TRACKS: &str = "
    SELECT i.lane, coalesce(r.revision, 0), t.tenant_id, t.generation, t.tick, t.position,
           t.sequence
      FROM unnest((SELECT $2::smallint[]), (SELECT $3::bigint[])) WITH ORDINALITY
           AS i(lane, epoch, place)
      JOIN idp_reader_lane AS l
        ON l.reader = $1 AND l.lane = i.lane AND l.epoch = i.epoch AND l.owner IS NOT NULL
      LEFT JOIN idp_lane_tracks AS r ON r.reader = $1 AND r.lane = i.lane
      LEFT JOIN idp_tenant_track AS t ON t.reader = $1 AND t.lane = i.lane
     ORDER BY i.place, t.tenant_id";

const CHANGE: &str = "SELECT idp_change_tracks($1, $2, $3, $4, $5, $6)";

const RECORD: &str = "SELECT idp_record_tracks($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
                      $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)";

impl PgStore {
    async fn held_tracks(
        &self,
        reader: &Reader,
        leases: &[(Lane, i64)],
    ) -> Result<Vec<LaneTracks>, Error> {
        let lanes = leases.iter().map(|(lane, _)| Parameter::SmallInt(lane.number())).collect();
        let epochs = leases.iter().map(|(_, epoch)| Parameter::BigInt(*epoch)).collect();
        let name = Parameter::Text(&reader.name);
        let parameters = [name, Parameter::Values(lanes), Parameter::Values(epochs)];
        let rows = run(self, "tracks", TRACKS, &parameters).await?;
        let mut found: Vec<LaneTracks> = Vec::new();
        for row in &rows {
            read_track(row, &mut found).map_err(|e| corrupt("tracks", "a track", e))?;
        }
        Ok(found)
    }

    async fn change_tracks(
        &self,
        reader: &Reader,
        change: &TrackChange,
        is_split: bool,
    ) -> Result<Option<LaneTracks>, Error> {
        let operation = if is_split { "split" } else { "merge" };
        let TrackChange { lane, epoch, revision, tenant } = change;
        let is_split = Value::Bool(is_split);
        let parameters = [
            Parameter::Text(&reader.name),
            Parameter::SmallInt(lane.number()),
            Parameter::BigInt(*epoch),
            Parameter::BigInt(*revision),
            Parameter::Text(tenant.as_str()),
            Parameter::Value(&is_split),
        ];
        let rows = run(self, operation, CHANGE, &parameters).await?;
        if !rows.first().is_some_and(|row| row.get(0)) {
            return Ok(None);
        }
        Ok(self.held_tracks(reader, &[(*lane, *epoch)]).await?.pop())
    }

    async fn record_all_tracks(
        &self,
        reader: &Reader,
        records: &[TrackRecord],
    ) -> Result<Vec<Lane>, Error> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let mut parameters = vec![Parameter::Text(&reader.name)];
        parameters.extend(places(records));
        let asides = records.iter().map(|record| (record.lane, &record.aside[..]));
        parameters.extend(set_aside::events(asides));
        let rows = run(self, "record tracks", RECORD, &parameters).await?;
        Ok(rows.iter().map(|row| Lane::from_number(row.get(0))).collect())
    }
}

/// Adds a row of the tracks of a lane.
fn read_track(row: &Row, found: &mut Vec<LaneTracks>) -> Result<(), BoxError> {
    let lane = Lane::from_number(row.try_get(0)?);
    if found.last().is_none_or(|last| last.lane != lane) {
        found.push(LaneTracks { lane, revision: row.try_get(1)?, tracks: Vec::new() });
    }
    let Some(tenant) = row.try_get::<_, Option<&str>>(2)? else { return Ok(()) };
    let cursor = Cursor { window: row.try_get(4)?, position: row.try_get(5)? };
    let (tenant, generation) = (TenantId::new(tenant)?, row.try_get(3)?);
    let track = TenantTrack { tenant, generation, cursor, sequence: row.try_get(6)? };
    found.last_mut().expect("it was pushed above").tracks.push(track);
    Ok(())
}

fn places(records: &[TrackRecord]) -> [Parameter<'_>; 7] {
    let each = |value: fn(&TrackRecord) -> Parameter<'_>| {
        Parameter::Values(records.iter().map(value).collect())
    };
    [
        each(|record| Parameter::SmallInt(record.lane.number())),
        each(|record| Parameter::BigInt(record.epoch)),
        each(|record| Parameter::Text(record.track.tenant.as_str())),
        each(|record| Parameter::BigInt(record.track.generation)),
        each(|record| Parameter::BigInt(record.track.cursor.window)),
        each(|record| Parameter::BigInt(record.track.cursor.position)),
        each(|record| Parameter::BigInt(record.track.sequence)),
    ]
}

impl TenantTracks for PgStore {
    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>> {
        Box::pin(async move {
            let leases: Vec<_> = leases.iter().map(|lease| (lease.lane, lease.epoch)).collect();
            self.held_tracks(reader, &leases).await
        })
    }

    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        Box::pin(self.change_tracks(reader, change, true))
    }

    fn merge<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        Box::pin(self.change_tracks(reader, change, false))
    }

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        Box::pin(self.read_scopes(readings, limit))
    }

    fn record_tracks<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [TrackRecord],
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(self.record_all_tracks(reader, records))
    }
}
