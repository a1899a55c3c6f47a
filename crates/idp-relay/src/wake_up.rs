//! Wakes readers when other processes commit: the best of several ways that works.

use crate::sends::now;
use idp_application::{CommitSignal, CommitWatch, Error, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinHandle, JoinSet};

/// A ladder of ways to notice the commits of other processes, best first; below the last stands
/// polling, which readers do by themselves, often while nothing better works and rarely otherwise.
///
/// ```text
///   change data capture ──▶ NOTIFY ──▶ polling        a step that fails: the next one, at once
///          ▲                   ▲          │
///          └───────────────────┴──────────┘           better steps are tried again, each `retry_interval`
/// ```
pub struct WakeUp {
    signal: CommitSignal,
    watches: Vec<Arc<dyn CommitWatch>>,
    config: WakeUpConfig,
}

/// The configuration of a [`WakeUp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WakeUpConfig {
    /// After what time a way that failed is tried again.
    pub retry_interval: Duration,
    /// How long a way may take to begin.
    pub start_timeout: Duration,
}

impl Default for WakeUpConfig {
    fn default() -> Self {
        let (retry_interval, start_timeout) = (Duration::from_secs(10), Duration::from_secs(10));
        Self { retry_interval, start_timeout }
    }
}

/// Which step of the ladder wakes readers now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakeUpStep {
    /// The watch of that name.
    Watching(&'static str),
    /// None: readers poll.
    Polling,
}

impl WakeUp {
    /// A ladder that is not in use yet; the best way first. Rings that signal.
    pub fn new(signal: &CommitSignal, watches: Vec<Arc<dyn CommitWatch>>) -> Self {
        Self { signal: signal.clone(), watches, config: WakeUpConfig::default() }
    }

    /// With another configuration. Fails when a duration is not within 10 ms and an hour.
    pub fn with_config(mut self, config: WakeUpConfig) -> Result<Self, Error> {
        let bounds = Duration::from_millis(10)..=Duration::from_secs(3_600);
        let fault = |field: &str, value: Duration| {
            let is_out = !bounds.contains(&value);
            is_out.then(|| format!("`{field}` must be within {bounds:?}, got {value:?}"))
        };
        let faults = [
            fault("retry_interval", config.retry_interval),
            fault("start_timeout", config.start_timeout),
        ];
        let faults: Vec<String> = faults.into_iter().flatten().collect();
        if !faults.is_empty() {
            let message = faults.join("; ");
            return Err(Error::new(ErrorKind::Invalid, "configure the wake-up", message));
        }
        self.config = config;
        Ok(self)
    }

    /// Watches on the current tokio runtime until the handle is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime whose clock is enabled.
    #[must_use = "nobody watches when the handle is dropped"]
    pub fn start(self) -> WakeUpHandle {
        let step = watch::Sender::new(WakeUpStep::Polling);
        let current = step.subscribe();
        let signal = self.signal.clone();
        let task = tokio::spawn(Ladder::new(self, step).climb());
        WakeUpHandle { signal, current, task }
    }
}

/// A ladder in use.
#[derive(Debug)]
pub struct WakeUpHandle {
    signal: CommitSignal,
    current: watch::Receiver<WakeUpStep>,
    task: JoinHandle<()>,
}

impl WakeUpHandle {
    /// Which step wakes readers now.
    pub fn step(&self) -> WakeUpStep {
        *self.current.borrow()
    }

    /// To wait for another step.
    pub fn changes(&self) -> watch::Receiver<WakeUpStep> {
        self.current.clone()
    }
}

/// Readers poll often again.
impl Drop for WakeUpHandle {
    fn drop(&mut self) {
        self.task.abort();
        self.signal.set_watched(false);
    }
}

/// Runs every way that is better than the best that works.
struct Ladder {
    signal: CommitSignal,
    config: WakeUpConfig,
    rungs: Vec<Rung>,
    step: watch::Sender<WakeUpStep>,
    tasks: JoinSet<(usize, Error)>,
    /// Tells the height of a rung that began.
    began: mpsc::UnboundedSender<(usize, u64)>,
    begun: mpsc::UnboundedReceiver<(usize, u64)>,
}

/// One way.
struct Rung {
    watch: Arc<dyn CommitWatch>,
    state: State,
    /// Tells its attempts apart.
    attempt: u64,
}

enum State {
    /// It is not tried before that instant.
    Down(Instant),
    /// It is tried; it must begin by that instant.
    Starting(Instant, AbortHandle),
    /// It works.
    Watching(AbortHandle),
}

impl Ladder {
    fn new(wake_up: WakeUp, step: watch::Sender<WakeUpStep>) -> Self {
        let WakeUp { signal, watches, config } = wake_up;
        let rung = |watch| Rung { watch, state: State::Down(now()), attempt: 0 };
        let rungs = watches.into_iter().map(rung).collect();
        let (began, begun) = mpsc::unbounded_channel();
        Self { signal, config, rungs, step, tasks: JoinSet::new(), began, begun }
    }

    async fn climb(mut self) {
        loop {
            let wakes_at = self.start_and_end();
            self.tell();
            // Biased: what runs in simulated time runs the same each time.
            tokio::select! {
                biased;
                Some((height, attempt)) = self.begun.recv() => self.on_begun(height, attempt),
                Some(ended) = self.tasks.join_next() => self.on_ended(ended),
                () = sleep_until(wakes_at) => {}
            }
        }
    }

    /// Starts what is to be tried, ends what something better makes needless or what does not
    /// begin. Says when to look again.
    fn start_and_end(&mut self) -> Option<Instant> {
        let now = now();
        let best = self.best();
        let mut wakes_at: Option<Instant> = None;
        for height in 0..self.rungs.len() {
            let is_needless = best.is_some_and(|best| height > best);
            let retry_at = now + self.config.retry_interval;
            let rung = &mut self.rungs[height];
            match &rung.state {
                State::Starting(_, abort) | State::Watching(abort) if is_needless => {
                    abort.abort();
                    rung.state = State::Down(now);
                }
                State::Starting(by, abort) if now >= *by => {
                    abort.abort();
                    tracing::warn!(watch = rung.watch.name(), "did not begin to watch in time");
                    rung.state = State::Down(retry_at);
                }
                State::Down(until) if now >= *until && !is_needless => self.start(height, now),
                State::Down(_) | State::Starting(..) | State::Watching(_) => {}
            }
            let next = match &self.rungs[height].state {
                State::Down(until) if !is_needless => Some(*until),
                State::Starting(by, _) => Some(*by),
                State::Down(_) | State::Watching(_) => None,
            };
            wakes_at = wakes_at.into_iter().chain(next).min();
        }
        wakes_at
    }

    fn start(&mut self, height: usize, now: Instant) {
        let rung = &mut self.rungs[height];
        rung.attempt += 1;
        let (watch, attempt) = (Arc::clone(&rung.watch), rung.attempt);
        let (signal, began) = (self.signal.clone(), self.began.clone());
        let abort = self.tasks.spawn(async move {
            let watching = Box::new(move || {
                let _ = began.send((height, attempt)); // Nobody asks any more.
            });
            (height, watch.watch(&signal, watching).await)
        });
        rung.state = State::Starting(now + self.config.start_timeout, abort);
    }

    fn on_begun(&mut self, height: usize, attempt: u64) {
        let rung = &mut self.rungs[height];
        if rung.attempt == attempt
            && let State::Starting(_, abort) = &rung.state
        {
            rung.state = State::Watching(abort.clone());
            tracing::info!(watch = rung.watch.name(), "watches for commits");
            // What was committed before it began.
            self.signal.ring_from_elsewhere();
        }
    }

    fn on_ended(&mut self, ended: Result<(usize, Error), JoinError>) {
        let (height, reason) = match ended {
            Ok((height, error)) => (Some(height), error.to_string()),
            Err(error) if error.is_cancelled() => return,
            Err(error) => {
                let has_it = |rung: &Rung| rung.task() == Some(error.id());
                (self.rungs.iter().position(has_it), error.to_string())
            }
        };
        let Some(rung) = height.and_then(|height| self.rungs.get_mut(height)) else { return };
        tracing::warn!(watch = rung.watch.name(), reason, "watches no more");
        rung.state = State::Down(now() + self.config.retry_interval);
    }

    /// The best way that works.
    fn best(&self) -> Option<usize> {
        self.rungs.iter().position(|rung| matches!(rung.state, State::Watching(_)))
    }

    fn tell(&self) {
        let best = self.best().map(|height| self.rungs[height].watch.name());
        let step = best.map_or(WakeUpStep::Polling, WakeUpStep::Watching);
        let has_changed = self.step.send_if_modified(|known| {
            let before = std::mem::replace(known, step);
            before != step
        });
        if has_changed {
            self.signal.set_watched(step != WakeUpStep::Polling);
            // Between two ways something may have been missed.
            self.signal.ring_from_elsewhere();
        }
    }
}

impl Rung {
    fn task(&self) -> Option<Id> {
        match &self.state {
            State::Down(_) => None,
            State::Starting(_, abort) | State::Watching(abort) => Some(abort.id()),
        }
    }
}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
