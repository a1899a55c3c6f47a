//! The ports of idp in memory.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod store;

mod state;

mod commit;
mod query;
mod table;

mod leases;
mod log;
mod projection;

mod console_bus;
mod memory_bus;

pub use console_bus::ConsoleBus;
pub use memory_bus::MemoryBus;
pub use store::MemoryStore;
