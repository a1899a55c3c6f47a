//! Encryption at rest and per target, over the reference store.

mod aside;
mod at_rest;
mod key_rings;
mod per_target;
#[path = "../support/mod.rs"]
mod support;
