//! One bus in front of several.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bus;

mod error;
mod guarantees;
mod progress;

pub use bus::FanOut;
