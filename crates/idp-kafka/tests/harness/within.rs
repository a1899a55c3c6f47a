//! Bounded waits.

use std::time::Duration;
use tokio::time::{Instant, timeout};

/// No step of a test takes longer.
const TIME_MAX: Duration = Duration::from_secs(30);

/// What the future gives.
///
/// # Panics
/// When it does not end in time.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(TIME_MAX, future).await.unwrap_or_else(|_| panic!("no end within {TIME_MAX:?}"))
}

/// Ends when the condition holds.
///
/// # Panics
/// When it does not in time.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIME_MAX;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {TIME_MAX:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
