//! The connections that no call uses at present.

use super::config::RabbitStreamConfig;
use super::error::Fault;
use super::session::Session;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

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
    beat: Duration,
}

impl Pool {
    /// An empty pool. The connections in it are kept alive as long as it lives.
    pub(crate) fn new(config: RabbitStreamConfig) -> Arc<Self> {
        let state = Mutex::new(State { idle: Vec::new(), beat: BEAT_USUAL });
        let pool = Arc::new(Self { config, state });
        tokio::spawn(keep_alive(Arc::downgrade(&pool)));
        pool
    }

    pub(crate) fn config(&self) -> &RabbitStreamConfig {
        &self.config
    }

    /// A connection for one call: one that has declared the producer already if there is one, else
    /// any, else a new one.
    pub(crate) async fn take(&self, producer: &str) -> Result<Session, Fault> {
        while let Some(mut session) = self.idle(producer) {
            if session.catch_up().is_ok() {
                return Ok(session);
            }
        }
        self.connect().await
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
        state.idle.push(session);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
