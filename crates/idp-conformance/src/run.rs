//! Runs one clause on a runtime of its own, and ends it when it hangs.

use std::time::Duration;

/// No part of a clause waits longer for one thing. It fails then, and says what it has waited for.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);

/// A clause that takes longer hangs where none of its parts notices. Most take less than a second, and
/// some, which wait until a broker or a bus gives up, a minute on a loaded machine; it is enough for
/// several waits that nearly take too long.
const CLAUSE_TIME_MAX: Duration = Duration::from_secs(5 * WAIT_MAX.as_secs());

/// Runs a clause to its end. Called by the tests that the suites expand to.
///
/// # Panics
/// When the clause does, and when it does not end.
pub fn run(clause: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime needs nothing but threads");
    runtime.block_on(async {
        let ended = tokio::time::timeout(CLAUSE_TIME_MAX, clause).await;
        assert!(ended.is_ok(), "the clause did not end within {CLAUSE_TIME_MAX:?}");
    });
    // A task that a broken store left behind must not keep the test from ending.
    runtime.shutdown_timeout(Duration::from_secs(5));
}
