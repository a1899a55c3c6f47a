//! The suite of reading: contract 5 of [`Store`](idp_application::Store). A query sees rows of its
//! scope and no others ([`tenants`]), specifications mean the same in memory and everywhere else
//! ([`specifications`]), and so do orders and pages ([`order`]).

pub mod tenants;
pub mod specifications;
pub mod order;

/// Expands to one test for each clause of reading. Takes an expression that, awaited, gives a
/// [`Harness`](crate::Harness) of its own to each clause.
#[macro_export]
macro_rules! repository {
    ($harness:expr) => {
        mod repository {
            #[allow(unused_imports, reason = "the expression may need what stands around it")]
            use super::*;

            $crate::repository_order!($harness);
            $crate::repository_specifications!($harness);
            $crate::repository_tenants!($harness);
        }
    };
}
