//! What programs that are not ours make of what idp writes.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod structured;

mod sighting;
mod binding;

mod routed;
mod column_contract;

pub use binding::Binding;
pub use column_contract::{COLUMNS, Column, FoundColumn, column_faults};
pub use routed::{Committed, Routed, compare};
pub use sighting::{Decoded, Sighting};
pub use structured::faults_of_json;
