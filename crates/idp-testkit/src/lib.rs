//! Recorded histories, and the checkers of the guarantees.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod history;
mod recorder;
mod violation;

mod check;

mod witnessed;
mod sink;
mod unreliable;

mod clock;
mod dice;
mod tally;

pub use check::check;
pub use clock::RuntimeClock;
pub use dice::Dice;
pub use history::{Delivery, Entry, Fault, History, Intent, Outcome};

pub use recorder::Recorder;
pub use sink::{Reception, Sink};
pub use tally::{TALLY_TABLES, Tally, TallyBoard, TallyEvent, TallyId, TallyRow};
pub use unreliable::{Fate, Unreliable};
pub use violation::Violation;
pub use witnessed::Witnessed;
