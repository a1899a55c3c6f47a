//! How far readers are behind, and which sessions, prepared transactions and slots hold things up.
//!
//! Three statements in one round trip. For each reader the events are looked at that the last tick
//! which all of its places have passed does not see, as far as the bounds go: by the index on `xid`,
//! those that were running then first.

use crate::decode::DecodedTime;
use crate::error::{corrupt, translate};
use crate::store::PgStore;
use idp_application::{
    Blocker, BlockerKind, BoxError, BoxFuture, Error, LagBounds, LagReport, Lane, LogLag,
    ReaderLag, Sharding, TenantLag,
};
use idp_domain::{TenantId, Timestamp};
use std::collections::BTreeMap;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

/// Makes the planner follow the indexes, and not compile for the costs that this pretends.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                     SET LOCAL enable_seqscan = off; SET LOCAL jit = off";

const READERS: &str = "
    SELECT l.reader, bool_or(l.lane = -1), clock_timestamp(),
           (SELECT count(*) FROM idp_reader_worker AS w
             WHERE w.reader = l.reader AND w.alive_until >= clock_timestamp()),
           (SELECT count(*) FROM idp_parked_key AS k WHERE k.reader = l.reader AND k.state = 'parked'),
           (SELECT min(k.since) FROM idp_parked_key AS k
             WHERE k.reader = l.reader AND k.state = 'parked'),
           (SELECT count(*) FROM idp_set_aside AS a
             WHERE a.reader = l.reader AND a.reason <> 'scheduled'),
           (SELECT count(*) FROM idp_set_aside AS a
             WHERE a.reader = l.reader AND a.reason = 'scheduled')
      FROM idp_reader_lane AS l GROUP BY l.reader";

/// One row more than may be looked at says that there is more.
const LAGS: &str = "
    WITH furthest AS (
      SELECT f.reader, f.is_whole, t.snapshot
        FROM (SELECT reader, min(passed) AS passed, bool_or(lane = -1) AS is_whole
                FROM idp_reader_place GROUP BY reader) AS f
        LEFT JOIN idp_tick AS t ON t.id = f.passed
    ), behind AS MATERIALIZED (
      SELECT f.reader, f.is_whole, o.*, row_number() OVER (PARTITION BY f.reader ORDER BY o.nth) AS n
        FROM furthest AS f CROSS JOIN LATERAL (
          SELECT s.*, row_number() OVER (ORDER BY s.part, s.xid, s.position) AS nth FROM (
            (SELECT 0 AS part, b.xid, b.position, b.lane, b.tenant_id, b.occurred_at
               FROM pg_snapshot_xip(f.snapshot) AS x(xid) JOIN idp_outbox AS b ON b.xid = x.xid
              LIMIT $1::bigint + 1)
            UNION ALL
            (SELECT 1, b.xid, b.position, b.lane, b.tenant_id, b.occurred_at FROM idp_outbox AS b
              WHERE b.xid >= coalesce(pg_snapshot_xmax(f.snapshot), '0'::xid8)
              ORDER BY b.xid, b.position LIMIT $1::bigint + 1)
          ) AS s
        ) AS o
    )
    SELECT b.reader, CASE WHEN b.is_whole THEN -1::smallint ELSE b.lane END AS place, b.tenant_id,
           count(*) FILTER (WHERE b.n <= $1::bigint AND NOT v.is_passed),
           min(b.occurred_at) FILTER (WHERE b.n <= $1::bigint AND NOT v.is_passed),
           bool_or(b.n > $1::bigint)
      FROM behind AS b
      JOIN idp_reader_place AS p ON p.reader = b.reader AND p.tenant_id IS NULL
       AND p.lane = CASE WHEN b.is_whole THEN -1::smallint ELSE b.lane END
      LEFT JOIN idp_reader_place AS t ON t.reader = b.reader AND t.lane = p.lane
       AND t.tenant_id = b.tenant_id
      LEFT JOIN idp_tick AS before ON before.id = coalesce(t.passed, p.passed)
      LEFT JOIN idp_tick AS until ON until.id = coalesce(t.tick, p.tick)
     CROSS JOIN LATERAL (
       SELECT coalesce(pg_visible_in_snapshot(b.xid, before.snapshot), false)
           OR (coalesce(pg_visible_in_snapshot(b.xid, until.snapshot), false)
               AND b.position <= coalesce(t.position, p.position)) AS is_passed
     ) AS v
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

/// A session that has neither drawn a transaction id nor holds a snapshot holds nothing up. Of other
/// users' sessions an ordinary role sees nothing but that they are there.
const BLOCKERS: &str = "
    (SELECT 'transaction', coalesce(application_name, ''), pid, xact_start, NULL::bigint,
            backend_xid IS NOT NULL, true, false
       FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
        AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)
        AND backend_type <> 'autovacuum worker'
      ORDER BY xact_start LIMIT $1::bigint)
    UNION ALL
    (SELECT 'prepared_transaction', gid, NULL, prepared, NULL, true, true, false
       FROM pg_prepared_xacts WHERE database = current_database()
      ORDER BY prepared LIMIT $1::bigint)
    UNION ALL
    (SELECT 'replication_slot', slot_name::text, active_pid, NULL,
            pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint, false, xmin IS NOT NULL, false
       FROM pg_replication_slots WHERE restart_lsn IS NOT NULL OR xmin IS NOT NULL
      ORDER BY restart_lsn NULLS LAST LIMIT $1::bigint)
    UNION ALL
    (SELECT 'hold', name, NULL, since, NULL, false, false, true
       FROM idp_log_hold ORDER BY since, name LIMIT $1::bigint)";

impl PgStore {
    async fn look_at_lag(&self, bounds: &LagBounds) -> Result<LagReport, Error> {
        bounds.check()?;
        let failed = |e| translate("look at the lag", e);
        let events_max: &(dyn ToSql + Sync) = &i64::from(bounds.events_max);
        let blockers_max: &(dyn ToSql + Sync) = &i64::from(bounds.blockers_max);
        let (events_max, blockers_max) = ([(events_max, Type::INT8)], [(blockers_max, Type::INT8)]);
        let checkout = self.pool.checkout().await?;
        let client = checkout.session.client();
        // All are sent at once; after an error the connection, and with it the transaction, is dropped.
        let (begun, now, readers, lags, blockers, ended) = tokio::join!(
            client.batch_execute(BEGIN),
            client.query_typed(NOW, &[]),
            client.query_typed(READERS, &[]),
            client.query_typed(LAGS, &events_max),
            client.query_typed(BLOCKERS, &blockers_max),
            client.batch_execute("COMMIT"),
        );
        begun.map_err(failed)?;
        let rows = (
            now.map_err(failed)?,
            readers.map_err(failed)?,
            lags.map_err(failed)?,
            blockers.map_err(failed)?,
        );
        ended.map_err(failed)?;
        checkout.give_back();
        let (now, readers, lags, blockers) = &rows;
        report(now, readers, lags, blockers).map_err(|e| corrupt("look at the lag", "a row", e))
    }
}

const NOW: &str = "SELECT clock_timestamp()";

fn report(
    now: &[Row],
    readers: &[Row],
    lags: &[Row],
    blockers: &[Row],
) -> Result<LagReport, BoxError> {
    let now = now.first().ok_or("the clock says nothing")?.try_get::<_, DecodedTime>(0)?.0;
    let mut by_name: BTreeMap<String, ReaderLag> = BTreeMap::new();
    for row in readers {
        let reader = reader(row)?;
        by_name.insert(reader.name.clone(), reader);
    }
    for row in lags {
        let reader =
            by_name.get_mut(row.try_get::<_, &str>(0)?).ok_or("a lag without its reader")?;
        reader.is_complete &= !row.try_get::<_, bool>(5)?;
        reader.lags.extend(tenant_lag(row)?);
    }
    let blockers = blockers.iter().map(blocker).collect::<Result<_, _>>()?;
    Ok(LagReport { now, readers: by_name.into_values().collect(), blockers })
}

fn reader(row: &Row) -> Result<ReaderLag, BoxError> {
    let count = |column: usize| -> Result<u64, BoxError> {
        Ok(u64::try_from(row.try_get::<_, i64>(column)?)?)
    };
    Ok(ReaderLag {
        name: row.try_get(0)?,
        sharding: if row.try_get(1)? { Sharding::Whole } else { Sharding::ByLane },
        workers_live: u16::try_from(count(3)?).unwrap_or(u16::MAX),
        is_complete: true,
        lags: Vec::new(),
        keys_parked: count(4)?,
        parked_since: time(row, 5)?,
        events_blocked: count(6)?,
        events_scheduled: count(7)?,
    })
}

/// `None` where all that was looked at is passed.
fn tenant_lag(row: &Row) -> Result<Option<TenantLag>, BoxError> {
    let Some(oldest) = time(row, 4)? else { return Ok(None) };
    Ok(Some(TenantLag {
        lane: Lane::from_number(row.try_get(1)?),
        tenant: TenantId::new(row.try_get(2)?)?,
        events: u64::try_from(row.try_get::<_, i64>(3)?)?,
        oldest,
    }))
}

fn blocker(row: &Row) -> Result<Blocker, BoxError> {
    let code: &str = row.try_get(0)?;
    let kind = BlockerKind::ALL.into_iter().find(|kind| kind.code() == code);
    let bytes: Option<i64> = row.try_get(4)?;
    Ok(Blocker {
        kind: kind.ok_or_else(|| format!("there is no `{code}`"))?,
        name: row.try_get(1)?,
        pid: row.try_get(2)?,
        since: time(row, 3)?,
        bytes: bytes.map(|bytes| u64::try_from(bytes).unwrap_or_default()),
        holds_windows: row.try_get(5)?,
        holds_vacuum: row.try_get(6)?,
        holds_purge: row.try_get(7)?,
    })
}

fn time(row: &Row, column: usize) -> Result<Option<Timestamp>, BoxError> {
    Ok(row.try_get::<_, Option<DecodedTime>>(column)?.map(|time| time.0))
}

impl LogLag for PgStore {
    fn lag<'a>(&'a self, bounds: &'a LagBounds) -> BoxFuture<'a, Result<LagReport, Error>> {
        Box::pin(self.look_at_lag(bounds))
    }
}
