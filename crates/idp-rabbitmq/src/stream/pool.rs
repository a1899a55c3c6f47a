//! The connections that no call uses at present.
//!
//! What opens a connection, or a producer on it, goes on when the call that needs it is dropped: what
//! takes longer than the patience of any call is there for a later one.

use super::config::RabbitStreamConfig;
use super::error::Fault;
use super::producers::Producer;
use super::session::Session;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::oneshot;

/// How often heartbeats are sent where the broker does not say how often it wants them.
const BEAT_USUAL: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Pool {
    config: RabbitStreamConfig,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    idle: Vec<Session>,
    /// The calls that wait for a connection. For each, one is being opened.
    waiting: VecDeque<oneshot::Sender<Result<Session, Fault>>>,
    beat: Duration,
}

impl Pool {
    /// An empty pool. The connections in it are kept alive as long as it lives.
    pub(crate) fn new(config: RabbitStreamConfig) -> Arc<Self> {
        let state =
            Mutex::new(State { idle: Vec::new(), waiting: VecDeque::new(), beat: BEAT_USUAL });
        let pool = Arc::new(Self { config, state });
        tokio::spawn(keep_alive(Arc::downgrade(&pool)));
        pool
    }

    pub(crate) fn config(&self) -> &RabbitStreamConfig {
        &self.config
    }

    /// A connection for one call: one that has declared the producer already if there is one, else
    /// any, else the next that is opened or given back.
    pub(crate) async fn take(self: &Arc<Self>, producer: &str) -> Result<Session, Fault> {
        while let Some(mut session) = self.idle(producer) {
            if session.catch_up().is_ok() {
                return Ok(session);
            }
        }
        let (waiting, outcome) = oneshot::channel();
        self.lock().waiting.push_back(waiting);
        tokio::spawn(open(Arc::clone(self)));
        outcome.await.unwrap_or_else(|_| Err(cut_short()))
    }

    /// Declares a producer there. The connection comes back with the outcome, if that says that it can
    /// be used.
    pub(crate) async fn declare(
        self: &Arc<Self>,
        mut session: Session,
        producer: Producer,
        first: u64,
    ) -> (Option<Session>, Result<u8, Fault>) {
        let (waiting, outcome) = oneshot::channel();
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            let declared = session.declare(&producer, first).await;
            let is_lost = matches!(declared, Err(Fault::Lost(_) | Fault::Silent(_)));
            let session = (!is_lost).then_some(session);
            if let Err((Some(session), _)) = waiting.send((session, declared)) {
                pool.give_back(session);
            }
        });
        outcome.await.unwrap_or_else(|_| (None, Err(cut_short())))
    }

    fn idle(&self, producer: &str) -> Option<Session> {
        let idle = &mut self.lock().idle;
        let known = idle.iter().rposition(|session| session.knows(producer));
        match known {
            Some(index) => Some(idle.remove(index)),
            None => idle.pop(),
        }
    }

    async fn connect(&self) -> Result<Session, Fault> {
        let mut last = Fault::NotReady("there is no node".to_owned());
        for node in &self.config.nodes {
            match Session::connect(node, &self.config).await {
                Ok(session) => return Ok(session),
                Err(fault) => {
                    tracing::debug!(node, ?fault, "cannot connect to RabbitMQ");
                    last = fault;
                }
            }
        }
        Err(last)
    }

    /// Nothing is under way on it.
    pub(crate) fn give_back(&self, session: Session) {
        let mut state = self.lock();
        if !session.heartbeat().is_zero() {
            state.beat = session.heartbeat() / 3;
        }
        if let Some(Ok(session)) = state.answer(Ok(session)) {
            state.idle.push(session);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives it to the call that has waited for the longest time; back, if there is none.
    fn answer(&mut self, outcome: Result<Session, Fault>) -> Option<Result<Session, Fault>> {
        let mut left = Some(outcome);
        while let Some(outcome) = left.take() {
            let Some(waiting) = self.waiting.pop_front() else { return Some(outcome) };
            left = waiting.send(outcome).err();
        }
        None
    }
}

/// Opens a connection for whoever waits for one then.
async fn open(pool: Arc<Pool>) {
    match pool.connect().await {
        Ok(session) => pool.give_back(session),
        Err(fault) => {
            // Nobody may be left to be told.
            let _ = pool.lock().answer(Err(fault));
        }
    }
}

/// Tasks end early only with their runtime.
fn cut_short() -> Fault {
    Fault::Lost(io::ErrorKind::Interrupted.into())
}

/// Sends heartbeats on all connections that nobody uses, and drops those that are lost.
async fn keep_alive(pool: Weak<Pool>) {
    while let Some(beat) = pool.upgrade().map(|pool| pool.lock().beat) {
        tokio::time::sleep(beat).await;
        if let Some(pool) = pool.upgrade() {
            pool.lock().idle.retain_mut(|session| session.beat().is_ok());
        }
    }
}
