//! Work that goes on when the call that began it is dropped.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod errand;
mod shutting_down;

pub use errand::Errand;
pub use shutting_down::ShuttingDown;
