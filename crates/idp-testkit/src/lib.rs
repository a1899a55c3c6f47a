//! Recorded histories, and the checkers of the guarantees.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod history;
mod recorder;

mod check;
mod violation;

mod audited;
mod fold_check;

mod assembled;
mod sink;
mod unreliable;
mod witnessed;
mod proxy;

#[cfg(unix)]
mod own_server;

mod clock;
mod dice;
mod tally;
mod tallying;

pub use assembled::Assembled;
pub use audited::Audited;
pub use check::{check, check_stored};
pub use clock::RuntimeClock;
pub use dice::Dice;
pub use fold_check::{WrongRow, check_fold};
pub use history::{Delivery, Entry, Fault, Happened, History, Intent, Outcome, parse_line};
#[cfg(unix)]
pub use own_server::OwnServer;
pub use proxy::{Direction, Proxy};
pub use recorder::Recorder;
pub use sink::{Reception, Sink};
pub use tally::{TALLY_TABLES, Tally, TallyBoard, TallyEvent, TallyId, TallyRow};
pub use tallying::Tallying;
pub use unreliable::{Fate, Unreliable};
pub use violation::Violation;
pub use witnessed::Witnessed;
