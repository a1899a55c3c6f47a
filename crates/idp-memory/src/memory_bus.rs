//! A bus that keeps what is published, for tests of what publishes.

mod rules;

use idp_application::{BoxFuture, BusGuarantees, EventBus, Message, PublishError};
use rules::{Marks, Rules, Topics};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;

/// Records messages. It can be told to fail, to pause, to be full and to be cut off, and lets a test wait for
/// what it is waiting for instead of sleeping.
///
/// As it is by default it takes everything over, whatever its topic and size, and as often as it
/// comes. The `with_` methods make it stricter, as brokers are.
#[derive(Debug)]
pub struct MemoryBus {
    rules: Rules,
    /// How many messages are taken over before others have their turn.
    step: usize,
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<Message>,
    topics: Topics,
    marks: Marks,
    /// What the next calls fail with, the first first: after how many messages of the batch.
    failures: VecDeque<usize>,
    attempts: usize,
    is_paused: bool,
    network: Network,
    held: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Network {
    #[default]
    Whole,
    /// It is cut after so many more messages.
    CutAfter(usize),
    /// It is cut after so many more answers; what is under way then is still stored.
    CutAfterAnswers(usize),
    Cut,
}

/// How far a batch has come.
struct Call<'m> {
    messages: &'m [Message],
    stored: usize,
    /// How many the caller knows of.
    accepted: usize,
    /// After how many messages it was told to fail; known once it has begun.
    fails_after: Option<usize>,
    is_begun: bool,
}

impl Default for MemoryBus {
    fn default() -> Self {
        let state = watch::Sender::new(State::default());
        Self { rules: Rules::default(), step: usize::MAX, state }
    }
}

impl MemoryBus {
    /// Refuses messages for any other topic, until it is [added](Self::add_topic).
    pub fn with_topics(self, topics: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        let topics = topics.into_iter().map(Into::into).collect();
        self.state.send_modify(|state| state.topics.known = Some(topics));
        self
    }

    /// Refuses messages with more bytes of data.
    pub fn with_data_bytes_max(mut self, bytes: usize) -> Self {
        self.rules.data_bytes_max = Some(bytes);
        self
    }

    /// Stores each number of a stream once: what has that number or a lower one is dropped, and
    /// counts as taken over.
    pub fn with_stored_once(mut self) -> Self {
        self.rules.stores_once = true;
        self
    }

    /// Refuses messages of an older epoch of their stream than it has seen.
    pub fn with_fence(mut self) -> Self {
        self.rules.fences = true;
        self
    }

    /// Takes batches over in steps of so many messages, at least one. Between two steps others have
    /// their turn: the call may be dropped, and the bus cut off.
    pub fn with_steps_of(mut self, messages: usize) -> Self {
        self.step = messages.max(1);
        self
    }

    /// Makes a topic known to a bus [that does not know all](Self::with_topics).
    pub fn add_topic(&self, topic: impl Into<Arc<str>>) {
        self.state.send_modify(|state| {
            if let Some(topics) = &mut state.topics.known {
                topics.insert(topic.into());
            }
        });
    }

    /// Makes a topic full: what is sent to it fails with
    /// [`TopicUnavailable`](idp_application::PublishFailure::TopicUnavailable), other topics take
    /// what comes, until [`drain`](Self::drain).
    pub fn fill(&self, topic: impl Into<Arc<str>>) {
        self.state.send_modify(|state| {
            state.topics.full.insert(topic.into());
        });
    }

    /// Makes room in a topic that is [full](Self::fill). What it holds stays recorded.
    pub fn drain(&self, topic: &str) {
        self.state.send_modify(|state| {
            state.topics.full.remove(topic);
        });
    }

    /// What was published so far, in the order of its arrival.
    pub fn messages(&self) -> Vec<Message> {
        self.state.borrow().messages.clone()
    }

    /// How often somebody tried to publish, failed attempts included.
    pub fn attempts(&self) -> usize {
        self.state.borrow().attempts
    }

    /// Lets the next so many calls fail with [`Unavailable`](idp_application::PublishFailure::Unavailable), before they
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

    /// Cuts the bus off: all calls fail with
    /// [`Unavailable`](idp_application::PublishFailure::Unavailable), those under way too, until
    /// [`restore`](Self::restore).
    pub fn cut(&self) {
        self.set_network(Network::Cut);
    }

    /// Cuts the bus off after it has taken so many more messages over.
    pub fn cut_after(&self, messages: usize) {
        self.set_network(Network::CutAfter(messages));
    }

    /// Cuts the bus off after it has acknowledged so many more messages: it stores the rest of the
    /// batch, and nobody gets to know.
    pub fn cut_after_answers(&self, answers: usize) {
        self.set_network(Network::CutAfterAnswers(answers));
    }

    /// Whether the bus is cut off now.
    pub fn is_cut(&self) -> bool {
        self.state.borrow().network == Network::Cut
    }

    /// Makes the bus reachable again.
    pub fn restore(&self) {
        self.set_network(Network::Whole);
    }

    fn set_network(&self, network: Network) {
        self.state.send_modify(|state| state.network = network);
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
        let holds = |state: &State| state.is_paused && state.network != Network::Cut;
        if !holds(&self.state.borrow()) {
            return;
        }
        let _held = Held::begin(self);
        self.wait_until(|state| !holds(state)).await;
    }

    async fn take(&self, messages: &[Message]) -> Result<(), PublishError> {
        let mut call =
            Call { messages, stored: 0, accepted: 0, fails_after: None, is_begun: false };
        loop {
            let mut outcome = Ok(());
            self.state.send_modify(|state| outcome = self.take_step(state, &mut call));
            outcome?;
            if call.stored == messages.len() {
                return call.answer();
            }
            tokio::task::yield_now().await;
        }
    }

    fn take_step(&self, state: &mut State, call: &mut Call<'_>) -> Result<(), PublishError> {
        if !call.is_begun {
            call.is_begun = true;
            call.fails_after =
                state.failures.pop_front().map(|after| after.min(call.messages.len()));
            state.attempts += 1;
        }
        for _ in 0..self.step {
            if state.network.is_cut() && !call.is_silent() {
                return Err(PublishError::unavailable(call.accepted, "the bus is cut off"));
            }
            if call.fails_after == Some(call.accepted) {
                return Err(PublishError::unavailable(call.accepted, "the bus was told to fail"));
            }
            let Some(message) = call.messages.get(call.stored) else { return Ok(()) };
            let is_silent = call.is_silent();
            match self.rules.admit(&state.topics, &mut state.marks, message, call.accepted) {
                Err(_) if is_silent => return call.answer(),
                Err(refused) => return Err(refused),
                Ok(true) => state.messages.push(message.clone()),
                Ok(false) => {}
            }
            call.stored += 1;
            call.accepted += usize::from(!is_silent && state.network.answers());
        }
        Ok(())
    }
}

impl Call<'_> {
    /// Whether the network was cut between the bus and the caller, behind the last message.
    fn is_silent(&self) -> bool {
        self.accepted < self.stored
    }

    fn answer(&self) -> Result<(), PublishError> {
        let silent = || PublishError::unavailable(self.accepted, "the bus does not answer");
        if self.is_silent() { Err(silent()) } else { Ok(()) }
    }
}

impl Network {
    /// Whether the next message gets through to the bus.
    fn is_cut(&mut self) -> bool {
        if *self == Self::CutAfter(0) {
            *self = Self::Cut;
        }
        *self == Self::Cut
    }

    /// Whether the message that was just stored is acknowledged.
    fn answers(&mut self) -> bool {
        match self {
            Self::Whole => true,
            Self::CutAfter(messages) => {
                *messages = messages.saturating_sub(1);
                true
            }
            Self::CutAfterAnswers(answers @ 1..) => {
                *answers -= 1;
                true
            }
            Self::CutAfterAnswers(0) => {
                *self = Self::Cut;
                false
            }
            Self::Cut => false,
        }
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
    fn system(&self) -> &'static str {
        "memory"
    }

    fn guarantees(&self) -> BusGuarantees {
        self.rules.guarantees()
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            self.hold().await;
            self.take(messages).await
        })
    }
}
