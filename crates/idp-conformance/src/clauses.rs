//! How a list of clauses becomes a macro that expands to one test each.

/// Defines the macro of one part of a suite. Every `pub async fn name<H: Harness>(harness: H)` of
/// the file stands in the list; `xtask tidy` checks that.
macro_rules! clauses {
    (macro $macro:ident of $suite:ident::$part:ident; $($clause:ident),+ $(,)?) => {
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $macro {
            ($harness:expr) => {
                mod $part {
                    #[allow(unused_imports, reason = "the expression may need what stands around it")]
                    use super::*;
                    $(
                        #[test]
                        fn $clause() {
                            $crate::run(async {
                                $crate::$suite::$part::$clause($harness.await).await
                            });
                        }
                    )+
                }
            };
        }
    };
}

pub(crate) use clauses;
