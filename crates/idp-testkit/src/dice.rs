//! Chance that can be repeated.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Random numbers of a seed: the same seed gives the same numbers. SplitMix64 (Steele, Lea, Flood,
/// *Fast Splittable Pseudorandom Number Generators*, 2014).
#[derive(Debug)]
pub struct Dice(Mutex<u64>);

impl Dice {
    /// The numbers of that seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// A number within the range.
    ///
    /// # Panics
    /// When the range is empty.
    pub fn within(&self, range: Range<u64>) -> u64 {
        range.start + self.draw() % (range.end - range.start)
    }

    /// A place in a list of that length.
    ///
    /// # Panics
    /// When the list is empty.
    pub fn place(&self, length: usize) -> usize {
        let length = u64::try_from(length).expect("a length fits into 64 bits");
        usize::try_from(self.within(0..length)).expect("a place is below the length")
    }

    /// True in that many of a hundred cases.
    pub fn percent(&self, percent: u64) -> bool {
        self.within(0..100) < percent
    }

    fn draw(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
