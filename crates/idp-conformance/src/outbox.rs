//! The suite of the outbox: [`OutboxLog`](idp_application::OutboxLog), and what commits and readers
//! are to each other.

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
