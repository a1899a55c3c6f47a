//! The ports of idp in memory.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod store;
mod state;

mod table;
mod query;
mod commit;

mod log;
mod log_keeping;
mod log_lag;
mod leases;
mod side_track;
mod deliveries;
mod dead_letters;
mod tenants;
mod tenant_policies;
mod tenant_tracks;
mod projection;

mod memory_bus;
mod console_bus;

pub use console_bus::ConsoleBus;
pub use memory_bus::MemoryBus;
pub use store::MemoryStore;
