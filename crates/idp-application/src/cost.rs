//! What a unit of work cost its store.

use std::ops::{Add, AddAssign};

/// Counted by the store, reported by the unit of work, held to a budget by tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Statements sent.
    pub statements: u32,
    /// Times that the client waited for the server. Zero where the store is in the same process.
    pub round_trips: u32,
    /// Rows read.
    pub rows_read: u32,
    /// Rows inserted, updated or deleted, events included.
    pub rows_written: u32,
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            statements: self.statements + other.statements,
            round_trips: self.round_trips + other.round_trips,
            rows_read: self.rows_read + other.rows_read,
            rows_written: self.rows_written + other.rows_written,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
