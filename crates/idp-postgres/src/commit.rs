//! A commit as one data-modifying statement.
//!
//! ```sql
//! WITH w0 AS (UPDATE "route_plan" SET … WHERE "tenant_id" = $1 AND "id" = $2 AND "version" = $3
//!             RETURNING 1)
//! INSERT INTO idp_outbox (…) SELECT …
//! WHERE CASE WHEN NOT EXISTS (SELECT 1 FROM w0) THEN idp_raise('IDP01', '0') = 0 ELSE true END
//! ```
//!
//! * One arm for each table, kind of write and set of columns; one row binds its values, more rows
//!   bind arrays. The text depends only on that shape, so it is prepared once.
//! * An update or delete that does not find its row at the expected version raises, which undoes the
//!   whole statement.
//! * The events ask every arm for its rows before they are appended. So positions are drawn after the
//!   rows were written and while they are locked: in any two commits on one aggregate, the order of
//!   the positions is the order of the versions. (Arms that nobody asks run last to first, after the
//!   main statement.)
//! * The main statement writes. Were it a `SELECT`, the server would first store its result, which
//!   costs a tenth of the whole.
//! * Rows are locked in the order (table, key): before several rows of one table are updated, an
//!   arm of its own locks them in that order, and each table waits for the one before. So concurrent
//!   batches do not deadlock.
//! * Arrays are hidden in sub-selects: with a bare `unnest($1)` the planner sees their length and
//!   plans anew on each call, which costs more than the statement itself.

mod builder;
mod events;
mod groups;
mod rows;

use crate::error::{STALE, translate_for};
use crate::parameter::Parameter;
use builder::Builder;
use groups::{Group, grouped};
use idp_application::{ChangeSet, Error, ErrorKind, LaneCount};

/// The statement of one commit, and how to read its refusal.
pub(crate) struct CommitStatement<'c> {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter<'c>>,
    groups: Vec<Group<'c>>,
}

impl<'c> CommitStatement<'c> {
    /// The statement for a change set that is not empty.
    pub(crate) fn of(changes: &'c ChangeSet, lanes: LaneCount) -> Self {
        let groups = grouped(&changes.writes);
        let mut builder = Builder::for_tenant(&changes.tenant);
        let awaited = rows::append(&mut builder, &groups);
        if changes.events.is_empty() {
            builder.push("\nSELECT 0");
        } else {
            events::append(&mut builder, &changes.events, lanes);
        }
        append_assertion(&mut builder, &awaited);
        let Builder { sql, parameters, .. } = builder;
        Self { sql, parameters, groups }
    }

    /// What the server's refusal means in terms of the change set.
    pub(crate) fn refusal(&self, error: tokio_postgres::Error) -> Error {
        match error.as_db_error().filter(|detail| detail.code().code() == STALE) {
            Some(detail) => self.conflict(detail.message()),
            None => {
                let tables: Vec<_> = self.groups.iter().map(|group| group.table).collect();
                translate_for("commit", error, &tables)
            }
        }
    }

    /// The server names the arm that did not find all of its rows.
    fn conflict(&self, arm: &str) -> Error {
        let group = arm.parse::<usize>().ok().and_then(|arm| self.groups.get(arm));
        let message = match group.map(|group| (group.table.name, group.rows.as_slice())) {
            Some((table, [row])) => {
                format!("`{table}` {} was changed by somebody else", row.key)
            }
            Some((table, rows)) => {
                format!("one of {} `{table}` was changed by somebody else", rows.len())
            }
            None => "an aggregate was changed by somebody else".into(),
        };
        Error::new(ErrorKind::Conflict, "commit", message)
    }
}

/// An arm, and what must hold of its rows before events are appended.
pub(crate) struct Awaited {
    group: usize,
    condition: String,
}

impl Awaited {
    /// It has its row. Asking whether there is one costs less than counting one.
    fn one(arm: &str, group: usize) -> Self {
        Self { group, condition: format!("EXISTS (SELECT 1 FROM {arm})") }
    }

    /// The number of its rows stands in this relation, as SQL.
    fn several(arm: &str, group: usize, relation: &str) -> Self {
        Self { group, condition: format!("(SELECT count(*) FROM {arm}) {relation}") }
    }
}

/// Ends the main statement.
fn append_assertion(builder: &mut Builder<'_>, awaited: &[Awaited]) {
    if awaited.is_empty() {
        return;
    }
    builder.push("\nWHERE CASE");
    for Awaited { group, condition } in awaited {
        builder.push(&format!(" WHEN NOT {condition} THEN idp_raise('{STALE}', '{group}') = 0"));
    }
    builder.push(" ELSE true END");
}
