//! Leases on lanes. The protocol is that of `idp_application::OutboxLog`; here, each step is one
//! statement, and the server's clock decides.

use crate::parameter::Parameter;
use crate::store::PgStore;
use idp_application::{
    Claim, Cost, Cursor, Error, ErrorKind, Lane, LaneLease, LaneProgress, Membership, Reader,
    Sharding, WorkerId,
};
use std::time::Duration;
use tokio_postgres::Row;

/// Workers that have been silent for this long are forgotten.
const ALIVE: &str = "
    WITH forgotten AS (
      DELETE FROM idp_reader_worker
       WHERE reader = $1 AND worker <> $2 AND alive_until < clock_timestamp() - interval '1 hour'
    )
    INSERT INTO idp_reader_worker (reader, worker, alive_until)
    VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 millisecond')
    ON CONFLICT (reader, worker) DO UPDATE SET alive_until = excluded.alive_until";

/// Whoever is said to be alive for far longer than anybody asks for said so before the clock was set
/// back, and has said nothing since: counted, it would leave its share of the lanes to nobody.
const MEMBERS: &str = "
    SELECT (SELECT count(*) FROM idp_reader_worker
             WHERE reader = $1 AND alive_until BETWEEN clock_timestamp()
               AND clock_timestamp() + 10 * $4::bigint * interval '1 millisecond'),
           (SELECT count(*) FROM idp_reader_lane
             WHERE reader = $1 AND lane BETWEEN $2::smallint AND $3::smallint),
           (SELECT count(*) FROM idp_reader_lane WHERE reader = $1),
           (SELECT coalesce(sum(missed), 0)::bigint FROM idp_reader_lane WHERE reader = $1)";

const NEW_LANES: &str = "SELECT idp_begin_reader($1, $2, $3)";

const CLAIM: &str = "
    WITH claimable AS (
      SELECT lane FROM idp_reader_lane
       WHERE reader = $1 AND (owner IS NULL OR lease_until < clock_timestamp())
       ORDER BY lane LIMIT $3::bigint FOR UPDATE SKIP LOCKED
    )
    UPDATE idp_reader_lane AS l
       SET owner = $2, epoch = l.epoch + 1,
           lease_until = clock_timestamp() + $4::bigint * interval '1 millisecond'
      FROM claimable
     WHERE l.reader = $1 AND l.lane = claimable.lane
    RETURNING l.lane, l.epoch, l.tick, l.position, l.sequence";

const ADVANCE: &str = "SELECT * FROM idp_advance($1, $2, $3, $4, $5, $6, $7, $8)";

const RELEASE: &str = "
    UPDATE idp_reader_lane AS l
       SET owner = NULL, lease_until = NULL
      FROM unnest((SELECT $2::smallint[]), (SELECT $3::bigint[])) AS i(lane, epoch)
     WHERE l.reader = $1 AND l.lane = i.lane AND l.epoch = i.epoch";

const LEAVE: &str = "
    DELETE FROM idp_reader_worker AS w
     WHERE w.reader = $1 AND w.worker = $2
       AND NOT EXISTS (SELECT 1 FROM idp_reader_lane AS l
                        WHERE l.reader = $1 AND l.owner = $2 AND l.lease_until >= clock_timestamp())";

pub(crate) async fn join(
    store: &PgStore,
    reader: &Reader,
    worker: WorkerId,
    ttl: Duration,
) -> Result<Membership, Error> {
    let name = || Parameter::Text(&reader.name);
    let alive = [name(), Parameter::Uuid(worker.0), millis(ttl)];
    run(store, "join", ALIVE, &alive).await?;
    let (first, last) = lane_range(store, reader.sharding);
    let range = || [name(), Parameter::SmallInt(first), Parameter::SmallInt(last)];
    let mut row = members(store, range(), ttl).await?;
    if row.lanes != row.lanes_in_all {
        let message = format!("reader `{}` shares the log in another way", reader.name);
        return Err(Error::new(ErrorKind::Invalid, "join", message));
    }
    if row.lanes == 0 {
        run(store, "join", NEW_LANES, &range()).await?;
        row = members(store, range(), ttl).await?;
    }
    let Members { workers, lanes, events_missed, .. } = row;
    Ok(Membership { workers_live: workers.max(1), lanes, events_missed })
}

struct Members {
    workers: u16,
    lanes: u16,
    lanes_in_all: u16,
    events_missed: u64,
}

async fn members(
    store: &PgStore,
    [reader, first, last]: [Parameter<'_>; 3],
    ttl: Duration,
) -> Result<Members, Error> {
    let parameters = [reader, first, last, millis(ttl)];
    let rows = run(store, "join", MEMBERS, &parameters).await?;
    let count = |index: usize| {
        let count: i64 = rows.first().map_or(0, |row| row.get(index));
        u16::try_from(count).unwrap_or(u16::MAX)
    };
    let missed: i64 = rows.first().map_or(0, |row| row.get(3));
    let events_missed = u64::try_from(missed).unwrap_or_default();
    Ok(Members { workers: count(0), lanes: count(1), lanes_in_all: count(2), events_missed })
}

fn lane_range(store: &PgStore, sharding: Sharding) -> (i16, i16) {
    match sharding {
        Sharding::Whole => (Lane::WHOLE.number(), Lane::WHOLE.number()),
        Sharding::ByLane => {
            let last = i16::try_from(store.lanes.get() - 1).expect("there are at most 1024 lanes");
            (0, last)
        }
    }
}

pub(crate) async fn claim(
    store: &PgStore,
    reader: &Reader,
    claim: Claim,
) -> Result<Vec<LaneLease>, Error> {
    let parameters = [
        Parameter::Text(&reader.name),
        Parameter::Uuid(claim.worker.0),
        Parameter::BigInt(claim.lanes_max.into()),
        millis(claim.lease_ttl),
    ];
    let rows = run(store, "claim", CLAIM, &parameters).await?;
    let mut leases: Vec<LaneLease> = rows.iter().map(lease).collect();
    leases.sort_by_key(|lease| lease.lane);
    Ok(leases)
}

fn lease(row: &Row) -> LaneLease {
    LaneLease {
        lane: Lane::from_number(row.get(0)),
        epoch: row.get(1),
        cursor: Cursor { window: row.get(2), position: row.get(3) },
        sequence: row.get(4),
    }
}

pub(crate) async fn advance(
    store: &PgStore,
    reader: &Reader,
    progress: &[LaneProgress],
    ttl: Duration,
) -> Result<Vec<Lane>, Error> {
    if progress.is_empty() {
        return Ok(Vec::new());
    }
    let each = |value: fn(&LaneProgress) -> i64| {
        Parameter::Values(progress.iter().map(|p| Parameter::BigInt(value(p))).collect())
    };
    let lanes = progress.iter().map(|p| Parameter::SmallInt(p.lane.number())).collect();
    let places = store.lane_rows.places(&reader.name, progress);
    let parameters = [
        Parameter::Text(&reader.name),
        Parameter::Values(lanes),
        each(|p| p.epoch),
        each(|p| p.cursor.window),
        each(|p| p.cursor.position),
        each(|p| p.sequence),
        millis(ttl),
        Parameter::Values(places.iter().map(|place| Parameter::Text(place)).collect()),
    ];
    let rows = run(store, "advance", ADVANCE, &parameters).await?;
    let places = rows.iter().map(|row| (Lane::from_number(row.get(0)), row.get(1)));
    store.lane_rows.remember(&reader.name, places);
    Ok(rows.iter().map(|row| Lane::from_number(row.get(0))).collect())
}

pub(crate) async fn release(
    store: &PgStore,
    reader: &Reader,
    worker: WorkerId,
    leases: &[LaneLease],
) -> Result<(), Error> {
    let lanes = leases.iter().map(|lease| Parameter::SmallInt(lease.lane.number())).collect();
    let epochs = leases.iter().map(|lease| Parameter::BigInt(lease.epoch)).collect();
    let name = || Parameter::Text(&reader.name);
    let released = [name(), Parameter::Values(lanes), Parameter::Values(epochs)];
    run(store, "release", RELEASE, &released).await?;
    run(store, "release", LEAVE, &[name(), Parameter::Uuid(worker.0)]).await?;
    Ok(())
}

pub(crate) async fn run(
    store: &PgStore,
    operation: &'static str,
    sql: &str,
    parameters: &[Parameter<'_>],
) -> Result<Vec<Row>, Error> {
    store.rows(operation, sql, parameters, &mut Cost::default()).await
}

pub(crate) fn millis(duration: Duration) -> Parameter<'static> {
    Parameter::BigInt(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
