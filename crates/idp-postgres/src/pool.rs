//! A small pool without pings.
//!
//! A connection goes back to the pool only from [`Checkout::give_back`], which is called after the
//! answer to the last statement was read. A future that is dropped before that drops its checkout,
//! and with it the connection: nobody can find it inside of a transaction (sqlx #4393 is the
//! warning).

use crate::session::Session;
use idp_application::{Error, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) struct Pool {
    config: tokio_postgres::Config,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
    checkout_timeout: Duration,
}

impl Pool {
    pub(crate) fn new(
        config: tokio_postgres::Config,
        connections_max: u32,
        checkout_timeout: Duration,
    ) -> Self {
        let permits = usize::try_from(connections_max).unwrap_or(Semaphore::MAX_PERMITS);
        let permits = Arc::new(Semaphore::new(permits));
        Self { config, permits, idle: Mutex::default(), checkout_timeout }
    }

    /// How to connect.
    pub(crate) fn config(&self) -> &tokio_postgres::Config {
        &self.config
    }

    /// A connection of one's own, for as long as the checkout lives.
    pub(crate) async fn checkout(self: &Arc<Self>) -> Result<Checkout, Error> {
        let permit = self.permit().await?;
        let session = match self.take_idle() {
            Some(session) => session,
            None => Session::connect(&self.config).await?,
        };
        Ok(Checkout { session, pool: Arc::clone(self), _permit: permit })
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout(self.checkout_timeout, permit).await {
            Ok(permit) => Ok(permit.expect("the semaphore of a pool is never closed")),
            Err(_) => {
                let message =
                    format!("no connection became free within {:?}", self.checkout_timeout);
                Err(Error::new(ErrorKind::Timeout, "check out a connection", message))
            }
        }
    }

    fn take_idle(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(session) = idle.pop() {
            if !session.is_closed() {
                return Some(session);
            }
        }
        None
    }
}

/// A connection in use. Dropping it closes the connection.
pub(crate) struct Checkout {
    pub(crate) session: Session,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Checkout {
    /// Puts the connection back: it is not in a transaction and no answer is outstanding.
    pub(crate) fn give_back(self) {
        if !self.session.is_closed() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.session);
        }
    }
}
