//! SQL text from the types that stores take; no driver, no I/O.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod assignment;
mod condition;
mod dialect;
mod select;
mod statement;
mod table;
mod unique;

pub use assignment::{Assigned, assignments};
pub use condition::render_condition;
pub use dialect::Dialect;
pub use select::{count, select, version_column};
pub use statement::{Param, Statement};
pub use table::{TableDdl, key_columns, row_columns, table_ddl};
pub use unique::{duplicate, unique_index};
