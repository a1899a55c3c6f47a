//! Whole keepers in simulated time: on the reference store, with an archive that fails as it is told.

mod rig;
mod shelf;

mod archiving;
mod crashes;
mod losses;
mod purging;
mod reading;
mod replaying;
