//! Waits for a condition that another process, or a clock that cannot be moved, brings about.

use std::time::Duration;
use tokio::time::Instant;

const WAIT_MAX: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none for half a minute; `what` says what was waited for.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < WAIT_MAX, "waited {WAIT_MAX:?} in vain for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
