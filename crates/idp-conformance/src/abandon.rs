//! Drops a future in the middle, as a client that goes away does.

use std::future::poll_fn;
use std::task::Poll;

/// Polls a future, whenever it is woken, that many times; then drops it. `None` when it was dropped
/// before its end, so with 0, 1, 2, … it is dropped at every await point in turn.
pub(crate) async fn abandon_after<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    if polls == 0 {
        return None;
    }
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            left -= 1;
            if left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

/// Runs a future to its end, and another one beside it, which starts when the first has been polled
/// so often and does not end, or has ended before.
pub(crate) async fn meanwhile<F: Future, G: Future>(
    future: F,
    polls: u32,
    other: G,
) -> (F::Output, G::Output) {
    let mut future = Box::pin(future);
    let mut left = polls;
    let early = poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            left = left.saturating_sub(1);
            if left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await;
    match early {
        Some(output) => (output, other.await),
        None => tokio::join!(future, other),
    }
}
