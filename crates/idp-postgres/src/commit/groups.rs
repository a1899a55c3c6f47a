//! Row writes that one arm can do together: same table, same kind, same columns.

use idp_application::{RowWrite, WriteKind};
use idp_domain::TableSchema;
use idp_sql::{Assigned, assignments};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Insert,
    Update,
    Delete,
}

pub(crate) struct Group<'c> {
    pub(crate) table: &'static TableSchema,
    pub(crate) action: Action,
    pub(crate) rows: Vec<&'c RowWrite>,
    /// The assignments of each row; all have the same columns.
    pub(crate) assigned: Vec<Vec<Assigned<'c>>>,
}

impl<'c> Group<'c> {
    fn starting_with(write: &'c RowWrite, assigned: Vec<Assigned<'c>>) -> Self {
        let action = action_of(write);
        Self { table: write.table, action, rows: vec![write], assigned: vec![assigned] }
    }

    fn takes(&self, write: &RowWrite, assigned: &[Assigned<'c>]) -> bool {
        let same_columns = || {
            let own = self.assigned[0].iter().map(|a| a.column);
            own.eq(assigned.iter().map(|a| a.column))
        };
        self.table.name == write.table.name && self.action == action_of(write) && same_columns()
    }

    /// The columns that the rows set.
    pub(crate) fn columns(&self) -> &[Assigned<'c>] {
        &self.assigned[0]
    }
}

/// The groups, in the order of their first rows, which is that of tables and keys.
pub(crate) fn grouped(writes: &[RowWrite]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for write in writes {
        let assigned = assignments(write);
        match groups.iter_mut().find(|group| group.takes(write, &assigned)) {
            Some(group) => {
                group.rows.push(write);
                group.assigned.push(assigned);
            }
            None => groups.push(Group::starting_with(write, assigned)),
        }
    }
    groups
}

fn action_of(write: &RowWrite) -> Action {
    match write.kind {
        WriteKind::Insert { .. } => Action::Insert,
        WriteKind::Update { .. } => Action::Update,
        WriteKind::Remove { .. } | WriteKind::Delete { .. } => Action::Delete,
    }
}

/// The version that a row must still have.
pub(crate) fn expected(write: &RowWrite) -> i64 {
    match write.kind {
        WriteKind::Insert { .. } => 0,
        WriteKind::Update { expected, .. }
        | WriteKind::Remove { expected, .. }
        | WriteKind::Delete { expected } => expected,
    }
}
