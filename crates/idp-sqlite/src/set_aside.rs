//! Events that are set aside, and the keys that are parked: the statements that keep the two in step.
//!
//! An event has a time from which on it is due, or none while its key is parked. So what is due is
//! found by one seek, however much waits for an operator or for its time.

use crate::log::event_columns;
use crate::value::BoundUuid;
use idp_application::{AsideReason, DeliveryKey, Lane, SetAside};
use idp_domain::Envelope;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

/// A key of one lane of a reader.
pub(crate) struct Place<'k> {
    pub(crate) reader: &'k str,
    pub(crate) lane: Lane,
    pub(crate) key: &'k DeliveryKey,
}

const INSERT: &str = concat!(
    "INSERT INTO idp_set_aside (reader, lane, sequence, reason, deliver_at, due_at, ",
    event_columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18) \
     ON CONFLICT DO NOTHING"
);

const PARK: &str = "
    INSERT INTO idp_parked_key
      (reader, lane, tenant_id, aggregateid, state, attempts, last_error, since, revision)
    VALUES (?1, ?2, ?3, ?4, 'parked', 1, ?5, ?6, ?7)
    ON CONFLICT DO UPDATE SET
      state = 'parked', attempts = attempts + 1, last_error = excluded.last_error,
      revision = excluded.revision";

const NEXT_REVISION: &str =
    "UPDATE idp_meta SET key_revision = key_revision + 1 RETURNING key_revision";

const IS_PARKED: &str = "
    SELECT state = 'parked' FROM idp_parked_key
     WHERE reader = ?1 AND tenant_id = ?3 AND aggregateid = ?4 AND ?2 = lane";

/// What has a number may be at the bus, and keeps it.
const HOLD_BACK: &str = "
    UPDATE idp_set_aside SET due_at = NULL
     WHERE reader = ?1 AND lane = ?2 AND tenant_id = ?3 AND aggregateid = ?4
       AND side_sequence IS NULL";

const FREE: &str = "
    UPDATE idp_set_aside SET due_at = coalesce(deliver_at, 0)
     WHERE reader = ?1 AND lane = ?2 AND tenant_id = ?3 AND aggregateid = ?4
       AND side_sequence IS NULL";

const IS_BLOCKED: &str = "
    SELECT EXISTS (SELECT 1 FROM idp_set_aside
     WHERE reader = ?1 AND lane = ?2 AND tenant_id = ?3 AND aggregateid = ?4
       AND reason <> 'scheduled')";

const FORGET: &str = "
    DELETE FROM idp_parked_key
     WHERE reader = ?1 AND tenant_id = ?3 AND aggregateid = ?4 AND ?2 = lane";

impl Place<'_> {
    /// Sets an event of the key aside, unless its number is.
    pub(crate) fn insert(
        &self,
        connection: &Connection,
        aside: &SetAside,
        now: i64,
    ) -> rusqlite::Result<()> {
        let (reason, deliver_at) = match &aside.reason {
            AsideReason::Refused(_) => ("refused", None),
            AsideReason::Behind => ("behind", None),
            AsideReason::Scheduled(at) => ("scheduled", Some(at.unix_micros())),
        };
        let due_at = match self.is_parked(connection)? {
            true => None,
            false => Some(deliver_at.unwrap_or(0)),
        };
        let event = &aside.envelope;
        connection.prepare_cached(INSERT)?.execute(params![
            self.reader,
            self.lane.number(),
            aside.sequence,
            reason,
            deliver_at,
            due_at,
            BoundUuid(event.event_id),
            event.tenant.as_str(),
            event.aggregate_type,
            BoundUuid(event.aggregate_id),
            event.aggregate_version,
            event.event_type,
            event.schema_id,
            event.schema_version,
            event.payload,
            event.metadata_json(),
            event.content_hash().to_string(),
            event.occurred_at.unix_micros(),
        ])?;
        match &aside.reason {
            AsideReason::Refused(error) => self.park(connection, error, now),
            AsideReason::Behind | AsideReason::Scheduled(_) => Ok(()),
        }
    }

    /// Parks the key: nothing of it is due any more.
    pub(crate) fn park(
        &self,
        connection: &Connection,
        error: &str,
        now: i64,
    ) -> rusqlite::Result<()> {
        let revision = next_revision(connection)?;
        self.execute(connection, PARK, &[&error, &now, &revision])?;
        self.execute(connection, HOLD_BACK, &[]).map(drop)
    }

    /// Lets everything of the key be due at its time.
    pub(crate) fn free(&self, connection: &Connection) -> rusqlite::Result<()> {
        self.execute(connection, FREE, &[]).map(drop)
    }

    /// Forgets that the key was parked if nothing blocks it any more. Returns whether nothing does.
    pub(crate) fn forget_unblocked(&self, connection: &Connection) -> rusqlite::Result<bool> {
        if self.query(connection, IS_BLOCKED, |row| row.get(0))?.unwrap_or(false) {
            return Ok(false);
        }
        if self.execute(connection, FORGET, &[])? == 1 {
            self.free(connection)?;
        }
        Ok(true)
    }

    fn is_parked(&self, connection: &Connection) -> rusqlite::Result<bool> {
        Ok(self.query(connection, IS_PARKED, |row| row.get(0))?.unwrap_or(false))
    }

    /// Runs a statement whose first four parameters are reader, lane and key.
    pub(crate) fn execute(
        &self,
        connection: &Connection,
        sql: &str,
        more: &[&dyn ToSql],
    ) -> rusqlite::Result<usize> {
        self.with_parameters(more, |parameters| connection.prepare_cached(sql)?.execute(parameters))
    }

    fn query<T>(
        &self,
        connection: &Connection,
        sql: &str,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.with_parameters(&[], |parameters| {
            connection.prepare_cached(sql)?.query_row(parameters, read).optional()
        })
    }

    pub(crate) fn with_parameters<T>(
        &self,
        more: &[&dyn ToSql],
        run: impl FnOnce(&[&dyn ToSql]) -> T,
    ) -> T {
        let (lane, aggregate) = (self.lane.number(), BoundUuid(self.key.aggregate_id));
        let mut parameters: Vec<&dyn ToSql> = Vec::with_capacity(4 + more.len());
        let tenant = self.key.tenant.as_str();
        parameters.push(&self.reader);
        parameters.push(&lane);
        parameters.push(&tenant);
        parameters.push(&aggregate);
        parameters.extend(more);
        run(&parameters)
    }
}

/// A revision that no key was given before.
pub(crate) fn next_revision(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached(NEXT_REVISION)?.query_row([], |row| row.get(0))
}

/// Replaces the event of that number in the lane.
pub(crate) fn replace_event(
    connection: &Connection,
    (reader, lane): (&str, Lane),
    sequence: i64,
    event: &Envelope,
) -> rusqlite::Result<()> {
    const REPLACE: &str = "
        UPDATE idp_set_aside SET payload = ?4, metadata = ?5, content_hash = ?6, is_edited = 1
         WHERE reader = ?1 AND lane = ?2 AND sequence = ?3";
    let (metadata, hash) = (event.metadata_json(), event.content_hash().to_string());
    let mut replace = connection.prepare_cached(REPLACE)?;
    replace
        .execute(params![reader, lane.number(), sequence, event.payload, metadata, hash])
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::assert_seek;

    #[test]
    fn each_statement_about_a_key_is_one_seek() {
        assert_seek(HOLD_BACK, "idp_set_aside_key (reader=? AND lane=? AND tenant_id=?");
        assert_seek(FREE, "idp_set_aside_key (reader=? AND lane=? AND tenant_id=?");
        assert_seek(IS_BLOCKED, "idp_set_aside_blocking (reader=? AND lane=? AND tenant_id=?");
    }
}
