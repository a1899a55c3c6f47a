//! The suite of buses.
//!
//! | contract of [`EventBus`](idp_application::EventBus) | tests |
//! |---|---|
//! | 1: messages of one key in the order given | [`order`], [`refusal`], and every other part |
//! | 2: `Ok` means taken over, all of them | [`order`], [`wire`] |
//! | 3: an error counts what was taken over for sure | [`refusal`], [`network`] |
//! | 4: a failure is classified | [`refusal`], [`network`], [`pressure`], [`fencing`] |
//! | 5: what it guarantees is true | [`numbering`], [`fencing`], [`wire`] for the size |
//! | 6: it works again when the broker does | [`network`], [`pressure`] |
//! | 7: a dropped future publishes nothing later but what it was given, in order | [`cancellation`] |
//! | 8: many streams at once; what is held in memory is not tested | [`concurrency`] |
//! | it carries CloudEvents unchanged | [`wire`] |

pub mod order;
pub mod wire;
pub mod refusal;
pub mod numbering;
pub mod fencing;
pub mod network;
pub mod pressure;
pub mod cancellation;
pub mod concurrency;

mod arrivals;
mod publisher;
mod running;

/// Expands to one test for each clause of buses. Takes an expression that, awaited, gives a
/// [`BusHarness`](crate::BusHarness) of its own to each clause.
#[macro_export]
macro_rules! event_bus {
    ($harness:expr) => {
        mod event_bus {
            #[allow(unused_imports, reason = "the expression may need what stands around it")]
            use super::*;

            $crate::event_bus_cancellation!($harness);
            $crate::event_bus_concurrency!($harness);
            $crate::event_bus_fencing!($harness);
            $crate::event_bus_network!($harness);
            $crate::event_bus_numbering!($harness);
            $crate::event_bus_order!($harness);
            $crate::event_bus_pressure!($harness);
            $crate::event_bus_refusal!($harness);
            $crate::event_bus_wire!($harness);
        }
    };
}
