//! The broker as all calls see it: one connection, made again when it is lost.

use crate::config::RabbitConfig;
use crate::error::no_connection;
use crate::routes::Routes;
use crate::session::Session;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use idp_application::Error;
use lapin::uri::AMQPUri;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) struct Broker {
    config: RabbitConfig,
    nodes: Vec<AMQPUri>,
    routes: Routes,
    /// The last attempt to connect: under way, or done with its outcome.
    attempt: Mutex<Option<Attempt>>,
}

/// Shared by all calls that need a connection, and not ended by those that do not wait for it.
type Attempt = Shared<BoxFuture<'static, Result<Arc<Session>, lapin::Error>>>;

impl Broker {
    pub(crate) fn new(config: RabbitConfig) -> Result<Self, Error> {
        let nodes = config.check()?;
        Ok(Self { config, nodes, routes: Routes::default(), attempt: Mutex::new(None) })
    }

    pub(crate) fn config(&self) -> &RabbitConfig {
        &self.config
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// The connection, made now if there is none.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, Error> {
        let attempt = self.attempt();
        attempt.await.map_err(no_connection)
    }

    fn attempt(&self) -> Attempt {
        let mut last = self.attempt.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = &*last {
            let serves = match attempt.peek() {
                Some(outcome) => outcome.as_ref().is_ok_and(|session| session.is_usable()),
                None => true,
            };
            if serves {
                return attempt.clone();
            }
        }
        last.insert(start(self.nodes.clone(), self.config.clone())).clone()
    }
}

fn start(nodes: Vec<AMQPUri>, config: RabbitConfig) -> Attempt {
    let connecting = tokio::spawn(connect(nodes, config));
    let gone = || lapin::ErrorKind::InvalidConnectionState(lapin::ConnectionState::Closed).into();
    async move { connecting.await.unwrap_or_else(|_| Err(gone())) }.boxed().shared()
}

/// Connects to the first node that lets itself be connected to.
async fn connect(nodes: Vec<AMQPUri>, config: RabbitConfig) -> Result<Arc<Session>, lapin::Error> {
    let mut last = lapin::ErrorKind::InvalidConnectionState(lapin::ConnectionState::Closed).into();
    for node in nodes {
        let (host, port) = (node.authority.host.clone(), node.authority.port);
        match Session::connect(node, &config).await {
            Ok(session) => {
                tracing::debug!(host, port, "connected to RabbitMQ");
                return Ok(Arc::new(session));
            }
            Err(error) => {
                tracing::debug!(host, port, %error, "cannot connect to RabbitMQ");
                last = error;
            }
        }
    }
    Err(last)
}
