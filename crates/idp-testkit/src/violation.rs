//! What a checker finds.

use idp_domain::{TenantId, Uuid};
use std::fmt;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// a: an event of a committed unit of work never arrived.
    Lost {
        /// Whose event.
        tenant: TenantId,
        /// Of which aggregate.
        aggregate: Uuid,
        /// The event.
        event: Uuid,
    },
    /// b: an event arrived that nobody committed.
    Phantom {
        /// The event.
        event: Uuid,
    },
    /// c: an event arrived before one of the same aggregate that it follows.
    OutOfOrder {
        /// Of which aggregate.
        aggregate: Uuid,
        /// What arrived.
        event: Uuid,
        /// What should have been there before.
        before: Uuid,
    },
    /// d: more messages arrived again than the faults explain.
    Duplicates {
        /// In which lane.
        lane: i16,
        /// From the tenure with this epoch.
        epoch: i64,
        /// How many.
        found: u64,
        /// How many the faults explain.
        allowed: u64,
    },
    /// A message had another lane or number than the event's place in its lane.
    Misnumbered {
        /// The event.
        event: Uuid,
        /// The lane it came by.
        lane: i16,
        /// The number it had.
        sequence: i64,
        /// The number it should have had; `None` when it came by another lane before.
        expected: Option<i64>,
    },
    /// Two workers sent under one epoch of a lane.
    TwoOwners {
        /// The lane.
        lane: i16,
        /// The epoch.
        epoch: i64,
    },
    /// A broker that drops messages by stream and number has the event twice.
    StoredTwice {
        /// The event.
        event: Uuid,
    },
    /// Such a broker has dropped the event whenever it came.
    NeverStored {
        /// The event.
        event: Uuid,
    },
    /// g: two commits led to the same version of an aggregate.
    LostUpdate {
        /// Which aggregate.
        aggregate: Uuid,
        /// The version.
        version: i64,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { tenant, aggregate, event } => {
                write!(f, "lost: event {event} of {aggregate} ({tenant}) never arrived")
            }
            Self::Phantom { event } => {
                write!(f, "phantom: event {event} arrived and was not committed")
            }
            Self::OutOfOrder { aggregate, event, before } => {
                write!(f, "out of order: event {event} of {aggregate} arrived before {before}")
            }
            Self::Duplicates { lane, epoch, found, allowed } => write!(
                f,
                "duplicates: {found} in lane {lane} from epoch {epoch}, the faults explain {allowed}"
            ),
            Self::Misnumbered { event, lane, sequence, expected: Some(expected) } => write!(
                f,
                "misnumbered: event {event} had number {sequence} in lane {lane}, not {expected}"
            ),
            Self::Misnumbered { event, lane, expected: None, .. } => {
                write!(f, "misnumbered: event {event} came by lane {lane} and by another one")
            }
            Self::TwoOwners { lane, epoch } => {
                write!(f, "two owners: lane {lane}, epoch {epoch}")
            }
            Self::StoredTwice { event } => {
                write!(f, "stored twice: event {event} came on two streams")
            }
            Self::NeverStored { event } => {
                write!(f, "never stored: event {event} came behind higher numbers only")
            }
            Self::LostUpdate { aggregate, version } => {
                write!(f, "lost update: two commits led to version {version} of {aggregate}")
            }
        }
    }
}
