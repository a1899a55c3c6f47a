//! A bus that keeps what is published, for tests of what publishes.

use idp_application::{BoxFuture, Error, ErrorKind, EventBus, Message, PublishError};
use tokio::sync::watch;

/// Records messages. It can be told to fail and to pause, and lets a test wait for what it is
/// waiting for instead of sleeping.
#[derive(Debug)]
pub struct MemoryBus {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<Message>,
    /// What the next calls fail with, the first first: after how many messages of the batch.
    failures: std::collections::VecDeque<usize>,
    attempts: usize,
    is_paused: bool,
    held: usize,
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self { state: watch::Sender::new(State::default()) }
    }
}

impl MemoryBus {
    /// What was published so far, in the order of its arrival.
    pub fn messages(&self) -> Vec<Message> {
        self.state.borrow().messages.clone()
    }

    /// How often somebody tried to publish, failed attempts included.
    pub fn attempts(&self) -> usize {
        self.state.borrow().attempts
    }

    /// Lets the next so many calls fail with [`Unavailable`](ErrorKind::Unavailable), before they
    /// take anything over.
    pub fn fail_next(&self, times: usize) {
        self.state.send_modify(|state| state.failures.extend(std::iter::repeat_n(0, times)));
    }

    /// Lets the next call fail after it took that many messages over, or all if there are fewer.
    pub fn fail_next_after(&self, accepted: usize) {
        self.state.send_modify(|state| state.failures.push_back(accepted));
    }

    /// Makes calls wait until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.state.send_modify(|state| state.is_paused = true);
    }

    /// Lets the calls that wait go on.
    pub fn resume(&self) {
        self.state.send_modify(|state| state.is_paused = false);
    }

    /// Ends when at least that many messages have arrived, and gives all of them. It waits for ever
    /// if they do not come: bound it with a timeout.
    pub async fn wait_for(&self, count: usize) -> Vec<Message> {
        self.wait_until(|state| state.messages.len() >= count).await;
        self.messages()
    }

    /// Ends when at least that many attempts to publish were made, failed ones included.
    pub async fn wait_for_attempts(&self, count: usize) {
        self.wait_until(|state| state.attempts >= count).await;
    }

    /// Ends when a call waits because of the [`pause`](Self::pause).
    pub async fn wait_until_held(&self) {
        self.wait_until(|state| state.held > 0).await;
    }

    async fn wait_until(&self, condition: impl FnMut(&State) -> bool) {
        let mut changes = self.state.subscribe();
        changes.wait_for(condition).await.expect("the bus keeps the sender alive");
    }

    async fn hold(&self) {
        if !self.state.borrow().is_paused {
            return;
        }
        let _held = Held::begin(self);
        self.wait_until(|state| !state.is_paused).await;
    }

    fn take(&self, messages: &[Message]) -> Result<(), PublishError> {
        let mut outcome = Ok(());
        self.state.send_modify(|state| {
            state.attempts += 1;
            let failure = state.failures.pop_front().map(|after| after.min(messages.len()));
            let accepted = failure.unwrap_or(messages.len());
            state.messages.extend_from_slice(&messages[..accepted]);
            if let Some(accepted) = failure {
                let message = "the bus was told to fail";
                let error = Error::new(ErrorKind::Unavailable, "publish", message);
                outcome = Err(PublishError { accepted, error });
            }
        });
        outcome
    }
}

/// A call that waits; also one that is dropped while it waits ends waiting.
struct Held<'b>(&'b MemoryBus);

impl<'b> Held<'b> {
    fn begin(bus: &'b MemoryBus) -> Self {
        bus.state.send_modify(|state| state.held += 1);
        Self(bus)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.held -= 1);
    }
}

impl EventBus for MemoryBus {
    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            self.hold().await;
            self.take(messages)
        })
    }
}
