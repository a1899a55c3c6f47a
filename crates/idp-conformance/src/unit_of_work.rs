//! The suite of the unit of work over a store.
//!
//! | contract | tests |
//! |---|---|
//! | [`Store`](idp_application::Store) 1: all or nothing | [`commit`], [`cancellation`] |
//! | 2: only the expected version, or `Conflict` | [`versions`] |
//! | 3: unique keys, or `Duplicate` | [`removal`], [`tracking`] |
//! | 4: only the columns named | [`tracking`] |
//! | 6: positions are drawn last | [`concurrency`](crate::outbox::concurrency) of the outbox |
//! | 7: a dropped future leaves nothing | [`cancellation`] |
//! | [`Migrate`](idp_application::Migrate) | [`migration`] |
//! | values as [`Kind`](idp_domain::Kind) describes them | [`values`] |
//! | what a [`Uow`](idp_application::Uow) builds on these | [`tracking`], [`listing`], [`removal`], [`audit`], [`cost`] |

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
