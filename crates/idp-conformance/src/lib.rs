//! The contracts of idp's ports as tests.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod harness;
pub mod sample;

mod clauses;
pub mod outbox;
pub mod projection;
pub mod repository;
pub mod unit_of_work;

mod abandon;
mod catalog;
mod eventually;
mod fixture;
mod follower;
mod run;

pub use harness::{AuditColumns, Capabilities, Harness};

#[doc(hidden)]
pub use run::run;
