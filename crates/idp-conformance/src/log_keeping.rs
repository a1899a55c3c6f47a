//! The suite of purging.
//!
//! | contract of [`LogKeeping`] | tests |
//! |---|---|
//! | 1: only what everybody has passed and nobody holds | [`purging`] |
//! | 2: late readers count as all others do | [`purging`] |
//! | 3: what is gone is not taken for what never was | [`purging`] |
//! | 4: no rebuild from a part of the log | [`purging`] |
//! | 5, 6: commands | [`keeping`] |

pub mod purging;
pub mod keeping;

use crate::Harness;
use idp_application::{LogKeeping, RelayLog};
use std::sync::Arc;

/// What an adapter gives to the suite besides a [`Harness`].
///
/// A store that drops partitions has small ones here, of at most ten positions.
pub trait KeepingHarness: Harness {
    /// The same data as [`backend`](Harness::backend), as whoever keeps the log sees it.
    fn keeping(&self) -> Arc<dyn LogKeeping>;

    /// The same data, as a relay sees it.
    fn relay_log(&self) -> Arc<dyn RelayLog>;
}

/// Expands to one test for each clause of purging. Takes an expression that, awaited, gives a
/// [`KeepingHarness`] of its own to each clause.
#[macro_export]
macro_rules! log_keeping {
    ($harness:expr) => {
        mod log_keeping {
            #[allow(unused_imports, reason = "the expression may need what stands around it")]
            use super::*;

            $crate::log_keeping_keeping!($harness);
            $crate::log_keeping_purging!($harness);
        }
    };
}
