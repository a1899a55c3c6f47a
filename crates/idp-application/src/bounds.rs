//! What is said of a configured value that is out of its bounds.

use std::fmt::Debug;
use std::ops::RangeInclusive;

/// Says which field must be within which bounds, and what it is; `None` when it is within them. For the
/// checks of configurations, which report all faults at once.
pub fn out_of_bounds<T: Copy + PartialOrd + Debug>(
    field: &str,
    value: T,
    bounds: &RangeInclusive<T>,
) -> Option<String> {
    let (least, most) = (bounds.start(), bounds.end());
    (!bounds.contains(&value))
        .then(|| format!("`{field}` must be within {least:?}..={most:?}, got {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_field_bounds_and_value() {
        assert_eq!(out_of_bounds("size", 1, &(1..=9)), None);
        assert_eq!(out_of_bounds("size", 9, &(1..=9)), None);
        let fault = out_of_bounds("size", 10, &(1..=9)).expect("beyond");
        assert_eq!(fault, "`size` must be within 1..=9, got 10");
    }
}
