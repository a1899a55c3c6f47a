//! The suite of lag.
//!
//! | contract of [`LogLag`] | tests |
//! |---|---|
//! | 1: what is not passed, by lane and tenant | [`behind`] |
//! | 2: the oldest event | [`behind`] |
//! | 3: bounds | [`behind`] |
//! | 4: parked keys and events set aside | [`aside`] |
//! | 5: holds | [`aside`] |

pub mod behind;
pub mod aside;

use crate::log_keeping::KeepingHarness;
use idp_application::{LagBounds, LagReport, LogLag, ReaderLag};
use std::sync::Arc;

/// What an adapter gives to the suite besides a [`KeepingHarness`].
pub trait LagHarness: KeepingHarness {
    /// The same data as [`backend`](crate::Harness::backend), as whoever monitors it sees it.
    fn lag(&self) -> Arc<dyn LogLag>;
}

/// How things stand.
async fn report<H: LagHarness>(harness: &H) -> LagReport {
    harness.lag().lag(&LagBounds::default()).await.expect("one can look at the lag")
}

/// How far the reader of that name is behind.
async fn lag_of<H: LagHarness>(harness: &H, name: &str) -> ReaderLag {
    let report = report(harness).await;
    let found = report.readers.into_iter().find(|reader| reader.name == name);
    found.expect("the reader is there")
}

/// Expands to one test for each clause of lag. Takes an expression that, awaited, gives a
/// [`LagHarness`] of its own to each clause.
#[macro_export]
macro_rules! log_lag {
    ($harness:expr) => {
        mod log_lag {
            #[allow(unused_imports, reason = "the expression may need what stands around it")]
            use super::*;

            $crate::log_lag_behind!($harness);
            $crate::log_lag_aside!($harness);
        }
    };
}
