//! The suite of the outbox.
//!
//! | contract of [`OutboxLog`](idp_application::OutboxLog) | tests |
//! |---|---|
//! | 1: every committed event, none of a rolled-back one | [`reading`], [`concurrency`] |
//! | 2: in the order of versions | [`reading`], [`concurrency`] |
//! | 3: the same again from the same cursor | [`reading`], [`concurrency`] |
//! | 4: one worker a lane, a claim raises the epoch | [`leases`] |
//! | 5: no progress under an old epoch | [`leases`] |
//! | 6: claimable after its time, not before | [`leases`], [`membership`] |
//! | a dropped future leaves the log usable | [`cancellation`] |

pub mod reading;
pub mod leases;
pub mod membership;
pub mod concurrency;
pub mod cancellation;

/// Expands to one test for each clause of the outbox. Takes an expression that, awaited, gives a
/// [`Harness`](crate::Harness) of its own to each clause.
#[macro_export]
macro_rules! outbox {
    ($harness:expr) => {
        mod outbox {
            #[allow(unused_imports, reason = "the expression may need what stands around it")]
            use super::*;

            $crate::outbox_cancellation!($harness);
            $crate::outbox_concurrency!($harness);
            $crate::outbox_leases!($harness);
            $crate::outbox_membership!($harness);
            $crate::outbox_reading!($harness);
        }
    };
}
