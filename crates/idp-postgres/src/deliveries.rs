//! Events that are set aside and sent later: each step is one statement, which calls a function of
//! the database (`sql/idp_record.sql` and its siblings).
//!
//! All of them begin with the lock of the rows of `idp_reader_lane` that they are about, in the order
//! of the lanes, and look at everything else afterwards, in new statements. So whatever concerns a
//! lane happens one after another, and nobody waits for somebody who waits for them.

use crate::decode::DecodedUuid;
use crate::error::corrupt;
use crate::lease::{self, millis, run};
use crate::parameter::Parameter;
use crate::set_aside::{self, text_of};
use crate::store::PgStore;
use crate::window::envelope;
use idp_application::{
    BlockedKey, BoxError, BoxFuture, Deliveries, DeliveryKey, Due, Error, Lane, LaneLease,
    LaneProgress, LaneRecord, Reader, Settled, Settlement, SideBatch, SideEntry,
};
use idp_domain::TenantId;
use std::time::Duration;
use tokio_postgres::Row;

const RECORD: &str = "SELECT idp_record($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
                      $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)";

/// In the order in which the rows were given.
const DUE: &str = "SELECT * FROM idp_due($1, $2, $3, $4)";

const SETTLE: &str = "SELECT * FROM idp_settle($1, $2, $3, $4, $5, $6)";

const BLOCKED: &str = "
    SELECT tenant_id, aggregateid, lane, count(*) FROM idp_set_aside
     WHERE reader = $1 AND lane = ANY ((SELECT $2::smallint[])::smallint[])
       AND reason <> 'scheduled'
     GROUP BY lane, tenant_id, aggregateid";

impl PgStore {
    async fn record_lanes(
        &self,
        reader: &Reader,
        records: &[LaneRecord],
        ttl: Duration,
    ) -> Result<Vec<Lane>, Error> {
        if records.iter().all(|record| record.aside.is_empty()) {
            let progress: Vec<LaneProgress> =
                records.iter().map(|record| record.progress).collect();
            return lease::advance(self, reader, &progress, ttl).await;
        }
        let mut parameters = vec![Parameter::Text(&reader.name), millis(ttl)];
        parameters.extend(set_aside::parameters(records));
        let rows = run(self, "record", RECORD, &parameters).await?;
        Ok(rows.iter().map(|row| Lane::from_number(row.get(0))).collect())
    }

    async fn due_batches(
        &self,
        reader: &Reader,
        leases: &[LaneLease],
        limit: u32,
    ) -> Result<Due, Error> {
        let lanes = leases.iter().map(|lease| Parameter::SmallInt(lease.lane.number())).collect();
        let epochs = leases.iter().map(|lease| Parameter::BigInt(lease.epoch)).collect();
        let parameters = [
            Parameter::Text(&reader.name),
            Parameter::Values(lanes),
            Parameter::Values(epochs),
            Parameter::BigInt(limit.into()),
        ];
        let rows = run(self, "due", DUE, &parameters).await?;
        let mut due = Due::default();
        for row in &rows {
            read_due(row, &mut due).map_err(|e| corrupt("due", "an event that is due", e))?;
        }
        Ok(due)
    }

    async fn settle_lane(
        &self,
        reader: &Reader,
        settlement: &Settlement,
    ) -> Result<Settled, Error> {
        settlement.check()?;
        let Settlement { lane, epoch, through, refused } = settlement;
        let (number, error) = match refused {
            Some((number, error)) => (Parameter::BigInt(*number), text_of(error)),
            None => (Parameter::Null, Parameter::Null),
        };
        let parameters = [
            Parameter::Text(&reader.name),
            Parameter::SmallInt(lane.number()),
            Parameter::BigInt(*epoch),
            Parameter::BigInt(*through),
            number,
            error,
        ];
        let rows = run(self, "settle", SETTLE, &parameters).await?;
        let Some((_held, keys)) = rows.split_first() else { return Ok(Settled::Fenced) };
        let unblocked = keys.iter().map(|row| key(row, 0)).collect::<Result<_, _>>();
        let unblocked = unblocked.map_err(|e| corrupt("settle", "a key", e))?;
        Ok(Settled::Done { unblocked })
    }

    async fn blocked_keys(
        &self,
        reader: &Reader,
        lanes: &[Lane],
    ) -> Result<Vec<BlockedKey>, Error> {
        let lanes = lanes.iter().map(|lane| Parameter::SmallInt(lane.number())).collect();
        let parameters = [Parameter::Text(&reader.name), Parameter::Values(lanes)];
        let rows = run(self, "blocked", BLOCKED, &parameters).await?;
        let blocked = rows.iter().map(|row| {
            let (lane, events) = (Lane::from_number(row.try_get(2)?), row.try_get::<_, i64>(3)?);
            let events = u32::try_from(events).unwrap_or(u32::MAX);
            Ok(BlockedKey { lane, key: key(row, 0)?, events })
        });
        blocked.collect::<Result<_, BoxError>>().map_err(|e| corrupt("blocked", "a key", e))
    }
}

/// Adds a row of `idp_due`: an event, or when there will be more.
fn read_due(row: &Row, due: &mut Due) -> Result<(), BoxError> {
    let Some(lane) = row.try_get::<_, Option<i16>>(0)? else {
        let micros: i64 = row.try_get(14)?;
        due.next = Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
        return Ok(());
    };
    let lane = Lane::from_number(lane);
    let entry = SideEntry { sequence: row.try_get(1)?, envelope: envelope(row, 2)? };
    match due.batches.last_mut().filter(|batch| batch.lane == lane) {
        Some(batch) => batch.entries.push(entry),
        None => due.batches.push(SideBatch { lane, entries: vec![entry] }),
    }
    Ok(())
}

/// The key in two columns.
pub(crate) fn key(row: &Row, first: usize) -> Result<DeliveryKey, BoxError> {
    let tenant = TenantId::new(row.try_get::<_, &str>(first)?)?;
    Ok(DeliveryKey { tenant, aggregate_id: row.try_get::<_, DecodedUuid>(first + 1)?.0 })
}

impl Deliveries for PgStore {
    fn blocked<'a>(
        &'a self,
        reader: &'a Reader,
        lanes: &'a [Lane],
    ) -> BoxFuture<'a, Result<Vec<BlockedKey>, Error>> {
        Box::pin(self.blocked_keys(reader, lanes))
    }

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(self.record_lanes(reader, records, lease_ttl))
    }

    fn due<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Due, Error>> {
        Box::pin(self.due_batches(reader, leases, limit))
    }

    fn settle<'a>(
        &'a self,
        reader: &'a Reader,
        settlement: &'a Settlement,
    ) -> BoxFuture<'a, Result<Settled, Error>> {
        Box::pin(self.settle_lane(reader, settlement))
    }
}
