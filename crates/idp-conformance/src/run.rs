//! Runs one clause on a runtime of its own, and ends it when it hangs.

use std::time::Duration;

/// A clause that takes longer hangs: the slowest take a few seconds on a loaded machine.
const CLAUSE_TIME_MAX: Duration = Duration::from_secs(120);

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
