//! What a store must know of a table: its columns and the rules that hold for every row.

use crate::Kind;

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, which is the name of the field.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be null.
    pub nullable: bool,
}

/// Whether a table keeps the state of aggregates or the rows of a read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// Rows carry a version, and audit and soft-delete columns where the schema says so.
    Aggregate,
    /// Rows carry the revision of the projection that wrote them.
    ReadModel,
}

/// The table of an aggregate or read model, as the derive describes it.
///
/// The listed columns are those of the Rust type. Every table has in addition `tenant_id`, and its
/// primary key is `(tenant_id, key)`; see [`TableKind`] for the rest.
#[derive(Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// The stable name: the aggregate type in events, and the table.
    pub name: &'static str,
    /// What the table is for.
    pub kind: TableKind,
    /// The columns of the Rust type, in the order of its fields.
    pub columns: &'static [Column],
    /// The index in `columns` of the identity.
    pub key: usize,
    /// Whether `remove` marks the row instead of deleting it.
    pub soft_delete: bool,
    /// Whether rows say when and by whom they were created and last changed.
    pub audit: bool,
    /// Sets of columns that are unique within a tenant (rows that were soft-deleted do not count).
    pub unique: &'static [&'static [usize]],
    /// Sets of columns that finders search by.
    pub indexes: &'static [&'static [usize]],
}

impl TableSchema {
    /// The column of the identity.
    pub fn key_column(&self) -> &Column {
        &self.columns[self.key]
    }
}

/// A set of columns of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnSet(u64);

impl ColumnSet {
    /// The most columns a table can have.
    pub const COLUMNS_MAX: usize = 64;

    /// The set with nothing in it.
    pub const EMPTY: Self = Self(0);

    /// Adds the column at that index when the condition holds.
    pub fn insert_if(&mut self, column: usize, condition: bool) {
        debug_assert!(column < Self::COLUMNS_MAX, "the derive refuses more than 64 columns");
        self.0 |= u64::from(condition) << column;
    }

    /// Whether nothing is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the column at that index is in the set.
    pub fn contains(self, column: usize) -> bool {
        column < Self::COLUMNS_MAX && self.0 >> column & 1 == 1
    }

    /// The indexes in the set, rising.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..Self::COLUMNS_MAX).filter(move |column| self.contains(*column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_set_gives_back_what_was_put_in() {
        let mut set = ColumnSet::EMPTY;
        set.insert_if(0, true);
        set.insert_if(5, false);
        set.insert_if(63, true);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63]);
        assert!(!set.contains(64));
    }
}
