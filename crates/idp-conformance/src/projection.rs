//! The suite of read models: the contract of [`ProjectionStore`](idp_application::ProjectionStore)
//! is in [`rows`], what [`Reads`](idp_application::Reads) shows of what it stored in [`reads`].

pub mod rows;
pub mod reads;

/// Expands to one test for each clause of read models. Takes an expression that, awaited, gives a
/// [`Harness`](crate::Harness) of its own to each clause.
#[macro_export]
macro_rules! projection {
    ($harness:expr) => {
        mod projection {
            #[allow(unused_imports, reason = "the expression may need what stands around it")]
            use super::*;

            $crate::projection_reads!($harness);
            $crate::projection_rows!($harness);
        }
    };
}
