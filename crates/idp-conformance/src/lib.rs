//! The contracts of idp's ports as tests.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod harness;
pub mod sample;

pub mod unit_of_work;
pub mod repository;
pub mod outbox;
pub mod projection;

mod clauses;
mod run;

mod fixture;
mod catalog;
mod follower;
mod eventually;
mod abandon;

pub use harness::{AuditColumns, Capabilities, Harness};

#[doc(hidden)]
pub use run::run;
