//! The contracts of idp's ports as tests.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bus_harness;
mod harness;
pub mod sample;

pub mod unit_of_work;
pub mod repository;
pub mod outbox;
pub mod deliveries;
pub mod tenants;
pub mod log_keeping;
pub mod log_lag;
pub mod projection;
pub mod event_bus;
pub mod throughput;

mod clauses;
mod run;

mod fixture;
mod catalog;
mod follower;
mod courier;
mod chance;
mod eventually;
mod abandon;

pub use bus_harness::{BusHarness, Full, Received, Way};
pub use harness::{AuditColumns, Capabilities, Harness};

#[doc(hidden)]
pub use run::run;
