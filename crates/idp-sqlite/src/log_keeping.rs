//! What the log keeps, and for whom: purges, readers, holds, and the record of what operators did.

use crate::error::translate;
use crate::lease;
use crate::purge::{self, Lagging};
use crate::store::SqliteStore;
use idp_application::{
    BoxFuture, Error, ErrorKind, HoldFrom, KeepingAction, KeepingCommand, KeepingRecord, Lane,
    LogHold, LogKeeping, PurgeBlock, PurgePolicy, PurgeReport, ReaderStatus, Sharding,
};
use idp_domain::Timestamp;
use rusqlite::{Connection, Row, params};
use std::collections::BTreeMap;

/// How many events are dropped in one transaction: commits wait for its end.
const STEP_MAX: u64 = 5_000;

const LIVING: &str =
    "SELECT count(*) FROM idp_reader_worker WHERE reader = ?1 AND alive_until > ?2";

const ASIDE: &str = "SELECT count(*) FROM idp_set_aside WHERE reader = ?1";

const HOLDS: &str = "SELECT name, position, since FROM idp_log_hold ORDER BY name";

const HOLD: &str = "
    INSERT INTO idp_log_hold (name, position, since) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

const RELEASE: &str = "DELETE FROM idp_log_hold WHERE name = ?1";

const KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM idp_reader_lane WHERE reader = ?1)";

/// Each with the name of the reader as its parameter.
const FORGET: [&str; 7] = [
    "INSERT INTO idp_reader_gone (reader, lane, epoch, side_sequence)
     SELECT reader, lane, epoch, side_sequence FROM idp_reader_lane WHERE reader = ?1
     ON CONFLICT DO UPDATE SET epoch = excluded.epoch, side_sequence = excluded.side_sequence",
    "DELETE FROM idp_reader_lane WHERE reader = ?1",
    "DELETE FROM idp_reader_worker WHERE reader = ?1",
    "DELETE FROM idp_set_aside WHERE reader = ?1",
    "DELETE FROM idp_parked_key WHERE reader = ?1",
    "DELETE FROM idp_tenant_track WHERE reader = ?1",
    "UPDATE idp_lane_tracks SET revision = revision + 1 WHERE reader = ?1",
];

const RECORD: &str = "
    INSERT INTO idp_keeping_record (at, actor, action, subject, reason)
    VALUES (?1, ?2, ?3, ?4, ?5)";

const RECORDS: &str = "
    SELECT at, actor, action, subject, reason FROM idp_keeping_record ORDER BY id DESC LIMIT ?1";

fn statuses(connection: &Connection) -> rusqlite::Result<Vec<ReaderStatus>> {
    let now = lease::now(connection)?;
    let mut furthest: BTreeMap<String, Lagging> = BTreeMap::new();
    for lagging in purge::lagging(connection)? {
        let key = |l: &Lagging| (l.next.unwrap_or(i64::MAX), l.place.lane, l.place.tenant.clone());
        let known = furthest.get(&lagging.place.reader);
        if known.is_none_or(|known| key(&lagging) < key(known)) {
            furthest.insert(lagging.place.reader.clone(), lagging);
        }
    }
    let status = |(name, lagging): (String, Lagging)| {
        let is_whole = lagging.place.lane == Lane::WHOLE;
        Ok(ReaderStatus {
            sharding: if is_whole { Sharding::Whole } else { Sharding::ByLane },
            workers_live: u16::try_from(living(connection, &name, now)?).unwrap_or(u16::MAX),
            events_aside: u64::try_from(aside(connection, &name)?).unwrap_or_default(),
            events_missed: lease::missed(connection, &name)?,
            furthest_behind: purge::dated(connection, lagging)?,
            name,
        })
    };
    furthest.into_iter().map(status).collect()
}

fn living(connection: &Connection, reader: &str, now: i64) -> rusqlite::Result<i64> {
    connection.prepare_cached(LIVING)?.query_row(params![reader, now], |row| row.get(0))
}

fn aside(connection: &Connection, reader: &str) -> rusqlite::Result<i64> {
    connection.prepare_cached(ASIDE)?.query_row([reader], |row| row.get(0))
}

fn keep(connection: &Connection, command: &KeepingCommand) -> Result<(), Error> {
    let failed = |e| translate("keep the log", e);
    let now = lease::now(connection).map_err(failed)?;
    match &command.action {
        KeepingAction::Hold { name, from } => hold(connection, name, *from, now)?,
        KeepingAction::Release { name } => {
            if connection.execute(RELEASE, [name]).map_err(failed)? == 0 {
                return Err(missing("release a hold", "hold", name));
            }
        }
        KeepingAction::Forget { reader, is_forced } => {
            forget(connection, reader, *is_forced, now)?;
        }
    }
    let KeepingCommand { actor, action, reason } = command;
    let record = params![now, actor.as_str(), action.code(), action.subject(), reason];
    connection.execute(RECORD, record).map(drop).map_err(failed)
}

fn hold(connection: &Connection, name: &str, from: HoldFrom, now: i64) -> Result<(), Error> {
    let failed = |e| translate("hold the log", e);
    let position = match from {
        HoldFrom::Oldest => purge::gone(connection, Lane::WHOLE).map(|gone| gone.position),
        HoldFrom::Newest => purge::end(connection),
    };
    let held = params![name, position.map_err(failed)?, now];
    if connection.execute(HOLD, held).map_err(failed)? == 1 {
        return Ok(());
    }
    let message = format!("there is a hold `{name}` already");
    Err(Error::new(ErrorKind::Duplicate, "hold the log", message))
}

fn forget(connection: &Connection, reader: &str, is_forced: bool, now: i64) -> Result<(), Error> {
    let failed = |e| translate("forget a reader", e);
    let known: bool = connection.query_row(KNOWN, [reader], |row| row.get(0)).map_err(failed)?;
    if !known {
        return Err(missing("forget a reader", "reader", reader));
    }
    let workers = living(connection, reader, now).map_err(failed)?;
    let aside = aside(connection, reader).map_err(failed)?;
    if !is_forced && (workers > 0 || aside > 0) {
        let message =
            format!("`{reader}` has {workers} living workers and {aside} events set aside");
        return Err(Error::new(ErrorKind::Conflict, "forget a reader", message));
    }
    FORGET.iter().try_for_each(|sql| connection.execute(sql, [reader]).map(drop)).map_err(failed)
}

fn missing(operation: &'static str, what: &str, name: &str) -> Error {
    Error::new(ErrorKind::NotFound, operation, format!("there is no {what} `{name}`"))
}

fn record(row: &Row<'_>) -> rusqlite::Result<KeepingRecord> {
    Ok(KeepingRecord {
        at: Timestamp::from_unix_micros(row.get(0)?),
        actor: row.get(1)?,
        action: row.get(2)?,
        subject: row.get(3)?,
        reason: row.get(4)?,
    })
}

impl LogKeeping for SqliteStore {
    fn purge<'a>(&'a self, policy: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>> {
        let policy = *policy;
        Box::pin(async move {
            policy.check()?;
            let (mut left, mut dropped) = (policy.events_max, 0);
            loop {
                let step = PurgePolicy { events_max: left.min(STEP_MAX), ..policy };
                let purge = move |c: &_| purge::purge(c, &step).map_err(|e| translate("purge", e));
                let report = self.writer.run("purge", purge).await?;
                dropped += report.events_dropped;
                left -= report.events_dropped.min(left);
                if left == 0 || report.blocked_by != Some(PurgeBlock::Limit) {
                    return Ok(PurgeReport { events_dropped: dropped, ..report });
                }
            }
        })
    }

    fn readers(&self) -> BoxFuture<'_, Result<Vec<ReaderStatus>, Error>> {
        let read = |c: &_| statuses(c).map_err(|e| translate("read the readers", e));
        Box::pin(self.readers.aside(read))
    }

    fn holds(&self) -> BoxFuture<'_, Result<Vec<LogHold>, Error>> {
        let read = |c: &Connection| -> rusqlite::Result<_> {
            c.prepare_cached(HOLDS)?.query_map([], purge::hold)?.collect()
        };
        Box::pin(self.readers.aside(move |c| read(c).map_err(|e| translate("read the holds", e))))
    }

    fn keep<'a>(&'a self, command: &'a KeepingCommand) -> BoxFuture<'a, Result<(), Error>> {
        let command = command.clone();
        Box::pin(self.writer.run("keep the log", move |connection| keep(connection, &command)))
    }

    fn keeping_records(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeepingRecord>, Error>> {
        let read = move |c: &Connection| -> rusqlite::Result<_> {
            c.prepare_cached(RECORDS)?.query_map([limit], record)?.collect()
        };
        Box::pin(self.readers.aside(move |c| read(c).map_err(|e| translate("read records", e))))
    }
}
