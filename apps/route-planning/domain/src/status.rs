//! How far a plan has come.

use idp_domain::ValueObject;

/// The status of a plan. It moves in this order only.
#[derive(ValueObject, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Planned; nobody drives it yet.
    Ready,
    /// A driver is on the way.
    InProgress,
    /// Every stop was served.
    Done,
}
