//! Whole relays in simulated time: against the reference store, and a bus that fails as it is told.

mod delivery;
mod fairness;
mod faults;
mod gone;
mod operator;
mod parking;
mod replaying;
mod sabotage;
mod service;
mod sharing;
mod simulation;
mod tenants;
mod waking;
