//! Deliveries to real servers on loopback.

mod guarding;
mod order;
mod outcomes;
mod registry;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod tls;
