//! Whole projectors in simulated time against the reference store, audited at every commit.

mod faults;
mod following;
mod rebuild;
mod sabotage;
mod service;
mod simulation;
mod takeover;
