//! An exact number in tenths, because Solomon's costs and times have one decimal that floating
//! point cannot keep.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

/// What a leg, a route or a plan costs.
pub type Cost = Tenths;

/// A non-negative number with one decimal, held as a whole number of tenths, so that equal means
/// equal.
///
/// It counts costs, distances and times alike: with Solomon, a unit of distance takes a unit of
/// time. Displayed without the decimal when that is zero: `784`, `827.3`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenths(u64);

impl Tenths {
    /// Nothing: no cost, or the start of the day.
    pub const ZERO: Tenths = Tenths(0);

    /// Later than every time that a file can state.
    pub(crate) const MAX: Tenths = Tenths(u64::MAX);

    /// The largest number that is read from a file: a billion, so that no sum over a file can
    /// overflow.
    const READ_MAX: f64 = 1e9;

    /// `Tenths::from_tenths(8273)` is 827.3.
    pub const fn from_tenths(tenths: u64) -> Self {
        Tenths(tenths)
    }

    /// The number of tenths: 8273 for 827.3.
    pub const fn tenths(self) -> u64 {
        self.0
    }

    /// `distance` rounded to the nearest whole: the `nint` of TSPLIB95, which is `(int) (x + 0.5)`.
    pub(crate) fn rounded(distance: f64) -> Self {
        Tenths(((distance + 0.5).floor() as u64).saturating_mul(10))
    }

    /// `distance` cut to one decimal, the convention by which the optimum of Solomon's C101 is
    /// 827.3.
    pub(crate) fn cut(distance: f64) -> Self {
        Tenths((distance * 10.0).floor() as u64)
    }

    /// Reads an integer, a decimal or scientific notation; `None` unless it is from 0 to a billion
    /// with at most one decimal. The last is exact: both sides of the comparison are the double
    /// that is nearest to the same decimal.
    pub(crate) fn read(word: &str) -> Option<Self> {
        let number = word.parse::<f64>().ok()?;
        let tenths = (number * 10.0).round();
        let exact = (0.0..=Self::READ_MAX).contains(&number) && tenths / 10.0 == number;
        exact.then_some(Tenths(tenths as u64))
    }

    pub(crate) fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Tenths)
    }

    pub(crate) fn saturating_sub(self, other: Self) -> Self {
        Tenths(self.0.saturating_sub(other.0))
    }
}

/// Stops at the largest number instead of overflowing; sums over a file stay far below it.
impl Add for Tenths {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Tenths(self.0.saturating_add(other.0))
    }
}

impl Sum for Tenths {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Tenths::ZERO, Add::add)
    }
}

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenth) => write!(f, "{whole}.{tenth}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stated_number_is_read_exactly_and_shown_as_it_was() {
        for text in ["0", "784", "827.3", "0.1", "214071", "999999999.9"] {
            assert_eq!(Tenths::read(text).unwrap().to_string(), text);
        }
        assert_eq!(Tenths::read("827.30"), Some(Tenths(8273)));
        assert_eq!(Tenths::read("8.273e2"), Some(Tenths(8273)));
    }

    #[test]
    fn a_number_that_tenths_cannot_hold_is_not_read() {
        for text in ["", "x", "-1", "-0.1", "NaN", "inf", "828.94", "0.05", "1e10", "1e400"] {
            assert_eq!(Tenths::read(text), None, "{text}");
        }
    }

    #[test]
    fn distances_are_rounded_or_cut() {
        assert_eq!(Tenths::rounded(2.4999), Tenths(20));
        assert_eq!(Tenths::rounded(2.5), Tenths(30));
        assert_eq!(Tenths::cut(2.99), Tenths(29));
        assert_eq!(Tenths::cut(3.0), Tenths(30));
    }

    #[test]
    fn a_sum_never_overflows() {
        assert_eq!([Tenths::MAX, Tenths(1)].into_iter().sum::<Tenths>(), Tenths::MAX);
    }
}
