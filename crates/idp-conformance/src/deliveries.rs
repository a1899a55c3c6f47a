//! The suite of events that are set aside.
//!
//! | contract of [`Deliveries`](idp_application::Deliveries) | tests |
//! |---|---|
//! | 1: progress and what was set aside, in one transaction, under the epoch | [`recording`] |
//! | 2: the same again, or late, changes nothing | [`recording`] |
//! | 3: a refused event parks its key | [`parking`], [`scheduling`] |
//! | 4: in the order of the log, what is scheduled at its time | [`parking`], [`scheduling`] |
//! | 5: given again under the same numbers, which are nobody else's | [`sending`] |
//! | 6: what a settlement removes, and what it parks | [`sending`], [`parking`] |
//! | 7: which keys are blocked | [`parking`], [`scheduling`] |
//!
//! | contract of [`DeadLetters`](idp_application::DeadLetters) | tests |
//! |---|---|
//! | 1: a command and its record in one transaction | [`commands`], [`cancellation`] |
//! | 2: which commands are refused | [`refusals`] |
//! | 3: discarded events are never sent, all others are | [`commands`], [`histories`], [`concurrency`] |
//!
//! Readers and tenants are apart: [`apart`]. A dropped future does a thing or does not:
//! [`cancellation`].

pub mod recording;
pub mod parking;
pub mod sending;
pub mod scheduling;
pub mod commands;
pub mod refusals;
pub mod apart;
pub mod histories;
pub mod concurrency;
pub mod cancellation;

/// Expands to one test for each clause of events that are set aside. Takes an expression that,
/// awaited, gives a [`Harness`](crate::Harness) of its own to each clause.
#[macro_export]
macro_rules! deliveries {
    ($harness:expr) => {
        mod deliveries {
            #[allow(unused_imports, reason = "the expression may need what stands around it")]
            use super::*;

            $crate::deliveries_apart!($harness);
            $crate::deliveries_cancellation!($harness);
            $crate::deliveries_commands!($harness);
            $crate::deliveries_concurrency!($harness);
            $crate::deliveries_histories!($harness);
            $crate::deliveries_parking!($harness);
            $crate::deliveries_recording!($harness);
            $crate::deliveries_refusals!($harness);
            $crate::deliveries_scheduling!($harness);
            $crate::deliveries_sending!($harness);
        }
    };
}
