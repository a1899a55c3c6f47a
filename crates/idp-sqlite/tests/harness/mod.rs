//! The SQLite store under the suites and under the tests of this crate.
#![allow(dead_code, reason = "each test binary uses a part of it")]

mod file;
mod memory;

pub use file::{FileHarness, open_as_other};
pub use memory::MemoryHarness;
