//! The suite of the unit of work over a store: clauses 1 to 4, 6 and 7 of
//! [`Store`](idp_application::Store), what use cases build on them, and
//! [`Migrate`](idp_application::Migrate).

pub mod commit;
pub mod versions;
pub mod tracking;
pub mod listing;
pub mod removal;
pub mod audit;
pub mod values;
pub mod cancellation;
pub mod cost;
pub mod migration;

/// Expands to one test for each clause of the unit of work. Takes an expression that, awaited, gives
/// a [`Harness`](crate::Harness) of its own to each clause.
#[macro_export]
macro_rules! unit_of_work {
    ($harness:expr) => {
        mod unit_of_work {
            #[allow(unused_imports, reason = "the expression may need what stands around it")]
            use super::*;

            $crate::unit_of_work_audit!($harness);
            $crate::unit_of_work_cancellation!($harness);
            $crate::unit_of_work_commit!($harness);
            $crate::unit_of_work_cost!($harness);
            $crate::unit_of_work_listing!($harness);
            $crate::unit_of_work_migration!($harness);
            $crate::unit_of_work_removal!($harness);
            $crate::unit_of_work_tracking!($harness);
            $crate::unit_of_work_values!($harness);
            $crate::unit_of_work_versions!($harness);
        }
    };
}
