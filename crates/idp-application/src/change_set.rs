//! What a unit of work wants written, as stores take it.

use crate::Lane;
use crate::LaneCount;
use idp_domain::{ColumnSet, Envelope, TableSchema, TenantId, Uuid, Value};

/// Columns that are not fields of the Rust type. `tenant_id` and `version` are not among them:
/// every store writes those itself, on every statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SystemColumn {
    /// When the row was made.
    CreatedAt,
    /// By whom.
    CreatedBy,
    /// When it was last changed.
    UpdatedAt,
    /// By whom.
    UpdatedBy,
    /// When it was soft-deleted; null while it lives.
    DeletedAt,
    /// By whom.
    DeletedBy,
}

impl SystemColumn {
    /// The name of the column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::CreatedBy => "created_by",
            Self::UpdatedAt => "updated_at",
            Self::UpdatedBy => "updated_by",
            Self::DeletedAt => "deleted_at",
            Self::DeletedBy => "deleted_by",
        }
    }
}

/// What happens to a row.
#[derive(Clone, Debug, PartialEq)]
pub enum WriteKind {
    /// It is new. It gets version 1.
    Insert {
        /// All columns of the schema.
        values: Vec<Value>,
    },
    /// Some of its columns change. It gets the next version.
    Update {
        /// The version it must still have.
        expected: i64,
        /// Which columns change; may be empty when only system columns do.
        columns: ColumnSet,
        /// Their values, by rising index.
        values: Vec<Value>,
    },
    /// It is removed, by the rules of its table: the soft-delete interceptor makes an update or a
    /// deletion of it. A store that still meets it deletes the row.
    Remove {
        /// The version it must still have.
        expected: i64,
        /// Which columns changed before it was removed.
        columns: ColumnSet,
        /// Their values, by rising index.
        values: Vec<Value>,
    },
    /// Its row goes.
    Delete {
        /// The version it must still have.
        expected: i64,
    },
}

/// One row to write.
#[derive(Clone, Debug, PartialEq)]
pub struct RowWrite {
    /// The table.
    pub table: &'static TableSchema,
    /// The identity of the row.
    pub key: Uuid,
    /// What happens to it.
    pub kind: WriteKind,
    /// System columns to set with it.
    pub stamps: Vec<(SystemColumn, Value)>,
}

impl RowWrite {
    /// Sets a system column; a later value replaces an earlier one.
    pub fn stamp(&mut self, column: SystemColumn, value: Value) {
        self.stamps.retain(|(stamped, _)| *stamped != column);
        self.stamps.push((column, value));
    }
}

/// An event to append to the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// The sealed event.
    pub envelope: Envelope,
}

impl NewEvent {
    /// The lane it belongs to.
    pub fn lane(&self, lanes: LaneCount) -> Lane {
        Lane::of(&self.envelope.tenant, self.envelope.aggregate_id, lanes)
    }
}

/// Everything that one commit writes: all of it or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeSet {
    /// The tenant of every row and event.
    pub tenant: TenantId,
    /// The rows, by table name and key, each at most once.
    pub writes: Vec<RowWrite>,
    /// The events, in the order in which each aggregate raised them.
    pub events: Vec<NewEvent>,
}

impl ChangeSet {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.events.is_empty()
    }
}
