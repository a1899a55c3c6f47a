//! A small pool without pings.
//!
//! A connection goes back to the pool only from [`Checkout::give_back`], which is called after the
//! answer to the last statement was read. A future that is dropped before that drops its checkout,
//! and with it the connection: nobody can find it inside of a transaction (sqlx #4393 is the
//! warning). The server would go on with the statement all the same, and keep its locks: it is told
//! to stop, and the place in the pool is free when it was told.

use crate::session::Session;
use idp_application::{Error, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::{CancelToken, NoTls};

/// How long the server may take to hear that it should stop.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long what was sent may stay unacknowledged before the connection counts as lost.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Pool {
    config: tokio_postgres::Config,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
    checkout_timeout: Duration,
}

impl Pool {
    /// Bounds of the configuration on waiting for the network stand; where it has none, it gets some.
    pub(crate) fn new(
        mut config: tokio_postgres::Config,
        connections_max: u32,
        checkout_timeout: Duration,
    ) -> Self {
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(checkout_timeout);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED_MAX);
        }
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
        let lent = Lent(Some((session.client().cancel_token(), permit)));
        Ok(Checkout { session, pool: Arc::clone(self), lent })
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

/// A connection in use. Dropping it closes the connection, and stops what the server does for it.
pub(crate) struct Checkout {
    pub(crate) session: Session,
    pool: Arc<Pool>,
    lent: Lent,
}

/// A place in the pool, and how to stop what is done on its connection.
struct Lent(Option<(CancelToken, OwnedSemaphorePermit)>);

/// Asks the server to stop: the connection is not used any more.
impl Drop for Lent {
    fn drop(&mut self) {
        let Some((token, permit)) = self.0.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let told = tokio::time::timeout(CANCEL_TIMEOUT, token.cancel_query(NoTls)).await;
            if !matches!(told, Ok(Ok(()))) {
                tracing::debug!("the server could not be told to stop a statement");
            }
            drop(permit);
        });
    }
}

impl Checkout {
    /// Puts the connection back: it is not in a transaction and no answer is outstanding.
    pub(crate) fn give_back(mut self) {
        let _place = self.lent.0.take(); // It is free once the connection is back.
        if !self.session.is_closed() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.session);
        }
    }
}
