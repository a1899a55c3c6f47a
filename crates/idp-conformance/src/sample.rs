//! The domain on which the suites run: a parcel with a field of every kind, a counter with nothing
//! but a number, and a board of read-model rows.

mod board;
mod counter;
mod parcel;

pub use board::BoardRow;
pub use counter::{Counter, CounterEvent, CounterId};
pub use parcel::{CarrierId, Item, Parcel, ParcelEvent, ParcelId, Size, Status};

use idp_domain::{Record, TableSchema};

/// Every table of the sample: what a harness migrates.
pub const TABLES: &[&TableSchema] = &[Parcel::SCHEMA, Counter::SCHEMA, BoardRow::SCHEMA];
