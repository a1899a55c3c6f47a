//! What the crate promises, tested through its public interface on real files.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic, as the tests may")]

mod real;

mod construction;
mod hostile_text;
mod real_instances;
mod refused_instances;
mod refused_solutions;
