//! What is first of the due of a lane, past tenants that are paused, who may have any number of events there.
//!
//! It looks at the first hundred; only when what it looks for is not among those does it ask each tenant of the
//! lane, which costs a seek for each.

use idp_application::Lane;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};

const PAUSED: &str = "SELECT tenant_id FROM idp_tenant_policy WHERE reader = ?1 AND is_paused";

/// The first that are due, now or later; the numbered among them if that is asked for.
const FIRST: &str = "
    SELECT due_at, tenant_id, side_sequence IS NOT NULL FROM idp_set_aside
     WHERE reader = ?1 AND lane = ?2 AND due_at IS NOT NULL AND (?3 OR side_sequence IS NULL)
     ORDER BY due_at, sequence LIMIT ?4";

const IS_NUMBERED: &str = "
    SELECT EXISTS (SELECT 1 FROM idp_set_aside
                    WHERE reader = ?1 AND lane = ?2 AND side_sequence IS NOT NULL)";

/// The next tenant with something unnumbered that is or will be due, and the time of its first.
const NEXT_TENANT: &str = "
    SELECT tenant_id, due_at FROM idp_set_aside
     WHERE reader = ?1 AND lane = ?2 AND due_at IS NOT NULL AND side_sequence IS NULL
       AND tenant_id > ?3
     ORDER BY tenant_id, due_at, sequence LIMIT 1";

/// What has been due for longest.
const DUE: &str = "
    SELECT tenant_id, aggregateid FROM idp_set_aside
     WHERE reader = ?1 AND lane = ?2 AND due_at <= ?3 AND side_sequence IS NULL
     ORDER BY due_at, sequence LIMIT ?4";

/// The same of one tenant.
const DUE_OF_TENANT: &str = "
    SELECT due_at, sequence, aggregateid FROM idp_set_aside
     WHERE reader = ?1 AND lane = ?2 AND due_at IS NOT NULL AND side_sequence IS NULL
       AND tenant_id = ?5 AND due_at <= ?3
     ORDER BY due_at, sequence LIMIT ?4";

/// How many are looked at before each tenant is asked.
const LOOKS: i64 = 100;

/// An aggregate of a tenant.
pub(crate) type Key = (String, Vec<u8>);

/// What is due, but for what is of tenants that are paused.
pub(crate) struct DueFirst<'c> {
    connection: &'c Connection,
    reader: &'c str,
    paused: BTreeSet<String>,
}

impl<'c> DueFirst<'c> {
    pub(crate) fn of(connection: &'c Connection, reader: &'c str) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached(PAUSED)?;
        let paused = statement.query_map([reader], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(Self { connection, reader, paused })
    }

    /// When the first is due that may be given; with what has a number, whoever is paused.
    pub(crate) fn first_or_numbered(&self, lane: Lane) -> rusqlite::Result<Option<i64>> {
        let (first, is_whole) = self.among_first(lane, true)?;
        if first.is_some() || is_whole {
            return Ok(first);
        }
        let mut numbered = self.connection.prepare_cached(IS_NUMBERED)?;
        let is_numbered =
            numbered.query_row(params![self.reader, lane.number()], |row| row.get(0))?;
        if is_numbered { Ok(Some(0)) } else { self.first_of_tenants(lane) }
    }

    /// When the first is due that may be given a number.
    pub(crate) fn first(&self, lane: Lane) -> rusqlite::Result<Option<i64>> {
        let (first, is_whole) = self.among_first(lane, false)?;
        if first.is_some() || is_whole { Ok(first) } else { self.first_of_tenants(lane) }
    }

    /// The first among those that are looked at, and whether these are all.
    fn among_first(&self, lane: Lane, numbered: bool) -> rusqlite::Result<(Option<i64>, bool)> {
        let looks = if self.paused.is_empty() { 1 } else { LOOKS };
        let mut statement = self.connection.prepare_cached(FIRST)?;
        let mut rows = statement.query(params![self.reader, lane.number(), numbered, looks])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            count += 1;
            if row.get(2)? || !self.paused.contains(row.get_ref(1)?.as_str()?) {
                return Ok((Some(row.get(0)?), false));
            }
        }
        Ok((None, count < looks))
    }

    fn first_of_tenants(&self, lane: Lane) -> rusqlite::Result<Option<i64>> {
        Ok(self.tenants(lane)?.into_iter().map(|(_, due_at)| due_at).min())
    }

    /// The tenants that have something there, but for those paused, with the time of their first.
    fn tenants(&self, lane: Lane) -> rusqlite::Result<Vec<(String, i64)>> {
        let mut statement = self.connection.prepare_cached(NEXT_TENANT)?;
        let (mut tenants, mut last) = (Vec::new(), String::new());
        loop {
            let parameters = params![self.reader, lane.number(), last];
            let next = statement.query_row(parameters, |row| Ok((row.get(0)?, row.get(1)?)));
            let Some((tenant, due_at)) = next.optional()? else { return Ok(tenants) };
            last = tenant;
            if !self.paused.contains(&last) {
                tenants.push((last.clone(), due_at));
            }
        }
    }

    /// The keys of so many events that have been due for longest and have no number, with how many of those
    /// events each has.
    pub(crate) fn keys(
        &self,
        lane: Lane,
        now: i64,
        count: i64,
    ) -> rusqlite::Result<Vec<(Key, i64)>> {
        let (mut keys, is_whole) = self.keys_among_first(lane, now, count)?;
        if !is_whole {
            keys = self.keys_of_tenants(lane, now, count)?;
        }
        let mut counts: BTreeMap<Key, i64> = BTreeMap::new();
        keys.into_iter().for_each(|key| *counts.entry(key).or_default() += 1);
        Ok(counts.into_iter().collect())
    }

    /// Those among the events that are looked at, and whether there are as many as asked for, or no more.
    fn keys_among_first(
        &self,
        lane: Lane,
        now: i64,
        count: i64,
    ) -> rusqlite::Result<(Vec<Key>, bool)> {
        let (wanted, looks) = (usize::try_from(count).unwrap_or_default(), count.max(LOOKS));
        let mut statement = self.connection.prepare_cached(DUE)?;
        let mut rows = statement.query(params![self.reader, lane.number(), now, looks])?;
        let (mut keys, mut seen) = (Vec::new(), 0);
        while keys.len() < wanted {
            let Some(row) = rows.next()? else { return Ok((keys, seen < looks)) };
            seen += 1;
            let tenant: String = row.get(0)?;
            if !self.paused.contains(&tenant) {
                keys.push((tenant, row.get(1)?));
            }
        }
        Ok((keys, true))
    }

    fn keys_of_tenants(&self, lane: Lane, now: i64, count: i64) -> rusqlite::Result<Vec<Key>> {
        let mut statement = self.connection.prepare_cached(DUE_OF_TENANT)?;
        let mut found: Vec<(i64, i64, Key)> = Vec::new();
        for (tenant, _) in self.tenants(lane)?.into_iter().filter(|(_, due_at)| *due_at <= now) {
            let parameters = params![self.reader, lane.number(), now, count, tenant];
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                found.push((row.get(0)?, row.get(1)?, (tenant.clone(), row.get(2)?)));
            }
        }
        found.sort_unstable();
        found.truncate(usize::try_from(count).unwrap_or_default());
        Ok(found.into_iter().map(|(_, _, key)| key).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::assert_seek;

    #[test]
    fn each_statement_is_one_seek_in_its_index() {
        let due = "idp_set_aside_due (reader=? AND lane=?";
        for (sql, index) in [
            (FIRST, due),
            (IS_NUMBERED, "idp_set_aside_numbered (reader=? AND lane=?"),
            (NEXT_TENANT, "idp_set_aside_due_tenant (reader=? AND lane=? AND tenant_id>?"),
            (DUE, "idp_set_aside_due (reader=? AND lane=? AND due_at<?)"),
            (
                DUE_OF_TENANT,
                "idp_set_aside_due_tenant (reader=? AND lane=? AND tenant_id=? AND due_at>? AND due_at<?)",
            ),
        ] {
            assert_seek(sql, index);
        }
    }

    /// So many events of acme that have been due since 1, 2, 3, …, and one of globex since then.
    fn aside(of_acme: i64, of_globex: i64) -> Connection {
        let connection = Connection::open_in_memory().expect("memory opens");
        for (_, tables) in crate::migrate::FRAMEWORK {
            connection.execute_batch(tables).expect("the tables are made");
        }
        let insert = "
            INSERT INTO idp_set_aside
              (reader, lane, sequence, id, tenant_id, aggregatetype, aggregateid, aggregate_version,
               type, schema_id, schema_version, payload, metadata, content_hash, occurred_at,
               reason, due_at)
            VALUES ('r', 0, ?1, x'00', ?2, 'a', ?3, 1, 'x', 'x', 1, '{}', '{}', '', 0, 'scheduled', ?4)";
        for due_at in 1..=of_acme {
            connection.execute(insert, params![due_at, "acme", [1_u8], due_at]).expect("inserted");
        }
        let globex = params![of_globex, "globex", [2_u8], of_globex];
        connection.execute(insert, globex).expect("inserted");
        connection
    }

    const PAUSE: &str = "INSERT INTO idp_tenant_policy (reader, tenant_id, is_paused, weight) VALUES ('r', 'acme', 1, 1)";

    #[test]
    fn others_are_found_behind_a_paused_tenant_however_much_it_has() {
        let lane = Lane::from_number(0);
        for count in [LOOKS - 1, LOOKS, LOOKS * 3] {
            let connection = aside(count, count + 1);
            let free = DueFirst::of(&connection, "r").expect("asked");
            assert_eq!(free.first(lane).expect("asked"), Some(1));
            let acme = (("acme".to_owned(), vec![1_u8]), 2);
            assert_eq!(free.keys(lane, 9_999, 2).expect("asked"), [acme]);
            connection.execute(PAUSE, []).expect("paused");
            let due = DueFirst::of(&connection, "r").expect("asked");
            assert_eq!(due.first(lane).expect("asked"), Some(count + 1), "{count}");
            assert_eq!(due.first_or_numbered(lane).expect("asked"), Some(count + 1));
            let globex = (("globex".to_owned(), vec![2_u8]), 1);
            assert_eq!(due.keys(lane, count + 1, 2).expect("asked"), [globex], "{count}");
            assert_eq!(due.keys(lane, count, 2).expect("asked"), [], "it is due later");
        }
    }

    #[test]
    fn what_has_a_number_is_given_though_its_tenant_is_paused() {
        let lane = Lane::from_number(0);
        let connection = aside(LOOKS * 2, LOOKS * 2 + 1);
        connection.execute(PAUSE, []).expect("paused");
        let number = "UPDATE idp_set_aside SET side_sequence = 1, due_at = 0 WHERE sequence = 150";
        connection.execute(number, []).expect("numbered");
        connection.execute("UPDATE idp_set_aside SET due_at = 0", []).expect("resumed");
        let due = DueFirst::of(&connection, "r").expect("asked");
        assert_eq!(due.first_or_numbered(lane).expect("asked"), Some(0));
        assert_eq!(due.first(lane).expect("asked"), Some(0), "globex was resumed, too");
    }
}
