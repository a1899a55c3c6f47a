//! When a customer can be served.

use idp_domain::ValueObject;

/// Times are tenths of a unit of time since the start of the day, so that equal means equal.
#[derive(ValueObject, Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// Service does not begin before; who arrives earlier waits.
    pub ready_tenths: i64,
    /// Nobody may arrive after.
    pub due_tenths: i64,
    /// How long service takes; it may end after `due_tenths`.
    pub service_tenths: i64,
}

impl TimeWindow {
    /// Whether anybody could keep it: not closed before it opens, nothing negative.
    pub fn is_possible(self) -> bool {
        (0..=self.due_tenths).contains(&self.ready_tenths) && self.service_tenths >= 0
    }
}
