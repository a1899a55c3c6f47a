//! Leases on lanes. The protocol is that of `idp_application::OutboxLog`; here, each step is part of
//! one write transaction, of which there is one at a time, and SQLite's clock decides: all processes
//! with the file open are on one machine and share it.

use crate::error::translate;
use crate::purge;
use crate::value::BoundUuid;
use idp_application::{
    Claim, Cursor, Error, ErrorKind, Lane, LaneCount, LaneLease, LaneProgress, Membership, Reader,
    Sharding, WorkerId,
};
use rusqlite::{Connection, Row, params};
use std::time::Duration;

const NOW: &str = "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)";

const LANES: &str = "SELECT lane FROM idp_reader_lane WHERE reader = ?1";

const FORGET_THE_DEAD: &str =
    "DELETE FROM idp_reader_worker WHERE reader = ?1 AND alive_until <= ?2";

const ALIVE: &str = "
    INSERT INTO idp_reader_worker (reader, worker, alive_until) VALUES (?1, ?2, ?3)
    ON CONFLICT (reader, worker) DO UPDATE SET alive_until = excluded.alive_until";

const MISSED: &str = "SELECT coalesce(sum(missed), 0) FROM idp_reader_lane WHERE reader = ?1";

/// Whoever is said to be alive for far longer than anybody asks for said so before the clock was set
/// back, and has said nothing since: counted, it would leave its share of the lanes to nobody.
const LIVING: &str =
    "SELECT count(*) FROM idp_reader_worker WHERE reader = ?1 AND alive_until <= ?2";

/// How many times longer than a worker asks for.
const FAR_LONGER: u32 = 10;

const CLAIM: &str = "
    UPDATE idp_reader_lane
       SET owner = ?2, epoch = epoch + 1, lease_until = ?3
     WHERE reader = ?1 AND lane IN (
       SELECT lane FROM idp_reader_lane
        WHERE reader = ?1 AND (owner IS NULL OR lease_until <= ?4)
        ORDER BY lane LIMIT ?5)
    RETURNING lane, epoch, \"window\", position, sequence";

/// A position never moves back, so an advance that arrives late does no harm. There is one window.
const ADVANCE: &str = "
    UPDATE idp_reader_lane
       SET \"window\" = max(\"window\", ?4), position = max(position, ?5),
           sequence = max(sequence, ?6), lease_until = ?7
     WHERE reader = ?1 AND lane = ?2 AND epoch = ?3 AND owner IS NOT NULL";

const REWIND: &str = "
    UPDATE idp_reader_lane SET \"window\" = 0, position = 0, sequence = 0
     WHERE reader = ?1 AND lane = ?2 AND epoch = ?3 AND owner IS NOT NULL";

const RELEASE: &str = "
    UPDATE idp_reader_lane SET owner = NULL, lease_until = 0
     WHERE reader = ?1 AND lane = ?2 AND epoch = ?3";

const LEAVE: &str = "
    DELETE FROM idp_reader_worker
     WHERE reader = ?1 AND worker = ?2
       AND NOT EXISTS (SELECT 1 FROM idp_reader_lane WHERE reader = ?1 AND owner = ?2)";

/// SQLite's clock ticks in milliseconds: it may be that much behind the instant it stands for.
const CLOCK_TICK_MICROS: i64 = 1_000;

/// The present instant in microseconds since 1970, or up to a tick before.
pub(crate) fn now(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached(NOW)?.query_row([], |row| row.get(0))
}

/// When a lease that is granted now is over for sure: not before its time, at most a tick after. A
/// time too long to express means forever.
pub(crate) fn after(now: i64, ttl: Duration) -> i64 {
    let ttl = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
    now.saturating_add(ttl).saturating_add(CLOCK_TICK_MICROS)
}

pub(crate) fn join(
    connection: &Connection,
    reader: &Reader,
    worker: WorkerId,
    ttl: Duration,
    lanes: LaneCount,
) -> Result<Membership, Error> {
    let failed = |e| translate("join", e);
    let known = lanes_of(connection, &reader.name).map_err(failed)?;
    let wanted = lanes_for(reader.sharding, lanes);
    if known.is_empty() {
        for lane in &wanted {
            purge::begin(connection, &reader.name, *lane).map_err(failed)?;
        }
    } else if known != wanted {
        let message = format!(
            "the reader `{}` has positions of another kind than {:?}",
            reader.name, reader.sharding
        );
        return Err(Error::new(ErrorKind::Invalid, "join", message));
    }
    let workers_live = live(connection, &reader.name, worker, ttl).map_err(failed)?;
    let events_missed = missed(connection, &reader.name).map_err(failed)?;
    let lanes = u16::try_from(wanted.len()).unwrap_or(u16::MAX);
    Ok(Membership { workers_live, lanes, events_missed })
}

/// How many events had been dropped before the reader began.
pub(crate) fn missed(connection: &Connection, reader: &str) -> rusqlite::Result<u64> {
    let missed: i64 = connection.prepare_cached(MISSED)?.query_row([reader], |row| row.get(0))?;
    Ok(u64::try_from(missed).unwrap_or_default())
}

fn lanes_of(connection: &Connection, reader: &str) -> rusqlite::Result<Vec<i16>> {
    let mut statement = connection.prepare_cached(LANES)?;
    let mut lanes: Vec<i16> =
        statement.query_map([reader], |row| row.get(0))?.collect::<Result<_, _>>()?;
    lanes.sort_unstable();
    Ok(lanes)
}

fn lanes_for(sharding: Sharding, lanes: LaneCount) -> Vec<i16> {
    match sharding {
        Sharding::Whole => vec![Lane::WHOLE.number()],
        Sharding::ByLane => {
            let count = i16::try_from(lanes.get()).expect("there are at most 1024 lanes");
            (0..count).collect()
        }
    }
}

/// Puts the worker on the list of the living, and counts them.
fn live(
    connection: &Connection,
    reader: &str,
    worker: WorkerId,
    ttl: Duration,
) -> rusqlite::Result<u16> {
    let now = now(connection)?;
    let run =
        |sql, params: &[&dyn rusqlite::ToSql]| connection.prepare_cached(sql)?.execute(params);
    run(FORGET_THE_DEAD, params![reader, now])?;
    run(ALIVE, params![reader, BoundUuid(worker.0), after(now, ttl)])?;
    let credible = after(now, ttl.saturating_mul(FAR_LONGER));
    let mut living = connection.prepare_cached(LIVING)?;
    let living: i64 = living.query_row(params![reader, credible], |row| row.get(0))?;
    Ok(u16::try_from(living).unwrap_or(u16::MAX).max(1))
}

pub(crate) fn claim(
    connection: &Connection,
    reader: &Reader,
    claim: Claim,
) -> rusqlite::Result<Vec<LaneLease>> {
    let now = now(connection)?;
    let worker = BoundUuid(claim.worker.0);
    let until = after(now, claim.lease_ttl);
    let mut statement = connection.prepare_cached(CLAIM)?;
    let leases =
        statement.query_map(params![reader.name, worker, until, now, claim.lanes_max], lease)?;
    let mut leases: Vec<LaneLease> = leases.collect::<Result<_, _>>()?;
    leases.sort_unstable_by_key(|lease| lease.lane);
    Ok(leases)
}

fn lease(row: &Row<'_>) -> rusqlite::Result<LaneLease> {
    Ok(LaneLease {
        lane: Lane::from_number(row.get(0)?),
        epoch: row.get(1)?,
        cursor: Cursor { window: row.get(2)?, position: row.get(3)? },
        sequence: row.get(4)?,
    })
}

/// Records progress and renews the lease; false when the epoch is an old one.
pub(crate) fn advance(
    connection: &Connection,
    reader: &str,
    progress: &LaneProgress,
    until: i64,
) -> rusqlite::Result<bool> {
    let LaneProgress { lane, epoch, cursor, sequence } = progress;
    let mut statement = connection.prepare_cached(ADVANCE)?;
    let changed = statement.execute(params![
        reader,
        lane.number(),
        epoch,
        cursor.window,
        cursor.position,
        sequence,
        until
    ])?;
    Ok(changed == 1)
}

/// Puts the reader of the whole log back to the start; false when the epoch is an old one.
pub(crate) fn rewind(connection: &Connection, reader: &str, epoch: i64) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(REWIND)?;
    Ok(statement.execute(params![reader, Lane::WHOLE.number(), epoch])? == 1)
}

pub(crate) fn release(
    connection: &Connection,
    reader: &Reader,
    worker: WorkerId,
    leases: &[LaneLease],
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(RELEASE)?;
    for lease in leases {
        statement.execute(params![reader.name, lease.lane.number(), lease.epoch])?;
    }
    let mut leave = connection.prepare_cached(LEAVE)?;
    leave.execute(params![reader.name, BoundUuid(worker.0)]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_domain::Uuid;

    const TTL: Duration = Duration::from_secs(10);

    fn tables() -> Connection {
        let connection = Connection::open_in_memory().expect("memory opens");
        connection.execute_batch(include_str!("../sql/tables.sql")).expect("the tables are made");
        connection
    }

    fn living(connection: &Connection, worker: u128, ttl: Duration) -> u16 {
        live(connection, "bus", WorkerId(Uuid::from_u128(worker)), ttl).expect("it is counted")
    }

    #[test]
    fn a_worker_that_died_before_the_clock_was_set_back_does_not_count_as_alive() {
        let connection = tables();
        assert_eq!(living(&connection, 1, TTL), 1);
        assert_eq!(living(&connection, 2, TTL), 2);
        // As if both had said so an hour ahead, by the clock as it was.
        let an_hour_ahead = "UPDATE idp_reader_worker SET alive_until = alive_until + 3600000000";
        connection.execute(an_hour_ahead, []).expect("they are there");
        assert_eq!(living(&connection, 2, TTL), 1);
        // It was alive after all.
        assert_eq!(living(&connection, 1, TTL), 2);
    }

    #[test]
    fn a_worker_that_is_alive_for_ever_counts_for_those_who_ask_for_that() {
        let connection = tables();
        assert_eq!(living(&connection, 1, Duration::MAX), 1);
        assert_eq!(living(&connection, 2, Duration::MAX), 2);
    }

    #[test]
    fn a_lease_that_is_granted_just_before_the_clock_ticks_is_not_over_before_its_time() {
        let granted = 100_999;
        let shown = granted / CLOCK_TICK_MICROS * CLOCK_TICK_MICROS;
        assert!(after(shown, Duration::from_millis(400)) >= granted + 400_000);
    }

    #[test]
    fn a_lease_for_longer_than_can_be_expressed_lasts_forever() {
        assert_eq!(after(1_700_000_000_000_000, Duration::MAX), i64::MAX);
    }

    #[test]
    fn the_clock_of_sqlite_agrees_with_that_of_the_machine() {
        use idp_application::Clock;
        let connection = Connection::open_in_memory().expect("memory opens");
        let before = idp_application::SystemClock.now().unix_micros();
        let shown = now(&connection).expect("it has a clock");
        let after = idp_application::SystemClock.now().unix_micros();
        assert!((before - CLOCK_TICK_MICROS..=after).contains(&shown), "{before} {shown} {after}");
    }
}
