//! A commit as one data-modifying statement.
//!
//! ```sql
//! WITH w0 AS (UPDATE "route_plan" SET … WHERE "tenant_id" = $1 AND "id" = $2 AND "version" = $3
//!             RETURNING 1),
//!      e  AS (INSERT INTO idp_outbox (…) SELECT … WHERE EXISTS (SELECT 1 FROM w0))
//! SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM w0) THEN idp_raise('IDP01', '0') ELSE 0 END
//! ```
//!
//! * One arm for each table, kind of write and set of columns; one row binds its values, more rows
//!   bind arrays. The text depends only on that shape, so it is prepared once.
//! * An update or delete that does not find its row at the expected version raises, which undoes the
//!   whole statement.
//! * The event arm depends on what the update arms found. So positions are drawn after the rows
//!   were written and while they are locked: in any two commits on one aggregate, the order of the
//!   positions is the order of the versions.
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
        let asserted = rows::append(&mut builder, &groups);
        events::append(&mut builder, changes, lanes, &asserted);
        append_assertion(&mut builder, &asserted);
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

/// An arm that must find all of its rows.
pub(crate) struct Asserted {
    arm: String,
    group: usize,
    /// How many rows there are, as SQL; `None` for one.
    several: Option<String>,
}

impl Asserted {
    /// The condition that it found them. Asking whether there is a row costs less than counting one.
    fn condition(&self) -> String {
        let arm = &self.arm;
        match &self.several {
            None => format!("EXISTS (SELECT 1 FROM {arm})"),
            Some(number) => format!("(SELECT count(*) FROM {arm}) = {number}"),
        }
    }
}

fn append_assertion(builder: &mut Builder<'_>, asserted: &[Asserted]) {
    if asserted.is_empty() {
        builder.push("\nSELECT 0");
        return;
    }
    builder.push("\nSELECT CASE");
    for asserted in asserted {
        let (condition, group) = (asserted.condition(), asserted.group);
        builder.push(&format!(" WHEN NOT {condition} THEN idp_raise('{STALE}', '{group}')"));
    }
    builder.push(" ELSE 0 END");
}
