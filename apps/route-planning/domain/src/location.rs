//! Where something is.

use idp_domain::ValueObject;

/// A point of the plane, in the unit of the map it was taken from.
#[derive(ValueObject, Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
}

impl Location {
    /// Whether the point lies anywhere: neither infinite nor not a number.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}
