//! The connection to the servers, and its replacement when it is lost.
//!
//! `async-nats` would reconnect by itself and then send what still waits in its queue, behind a part
//! of the same pipeline that was lost with the old connection: later messages would be stored before
//! earlier ones. So a connection is never resumed here. It ends with all that waits in it, and
//! whoever publishes next opens another.

use crate::acks::AckInbox;
use crate::denials::Denials;
use crate::{NatsAuth, NatsConfig};
use async_nats::connection::State;
use async_nats::rustls::crypto::{CryptoProvider, ring};
use async_nats::{
    Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr, ServerError, jetstream,
};
use idp_application::{BoxError, Error, ErrorKind};
use idp_errand::Errand;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where nobody answers: a connection that has nothing else to go back to ends when it is lost.
const NOWHERE: &str = "nats://127.0.0.1:0";

/// Gives the connection, and opens another when there is none or it is lost.
#[derive(Debug)]
pub(crate) struct Link {
    config: NatsConfig,
    servers: Vec<ServerAddr>,
    current: tokio::sync::Mutex<Current>,
}

/// The connection, and the one that is being opened.
#[derive(Debug, Default)]
struct Current {
    connection: Option<Arc<Connection>>,
    /// It goes on when the call that began it is dropped: what takes longer than the patience of any
    /// call is there for a later one. It ends with the bus.
    opening: Errand<(), Result<Connection, Error>>,
}

impl Link {
    pub(crate) fn new(config: NatsConfig, servers: Vec<ServerAddr>) -> Self {
        Self { config, servers, current: tokio::sync::Mutex::default() }
    }

    pub(crate) async fn connection(&self) -> Result<Arc<Connection>, Error> {
        let mut current = self.current.lock().await;
        if let Some(connection) = current.connection.as_ref().filter(|it| it.is_alive()) {
            return Ok(Arc::clone(connection));
        }
        // Before another one is opened, so that two are never used at a time.
        current.connection = None;
        let open = || {
            let (config, servers) = (self.config.clone(), self.servers.clone());
            async move { Connection::open(&config, &servers).await }
        };
        let serves =
            |opened: &Result<Connection, Error>| opened.as_ref().is_ok_and(Connection::is_alive);
        let opened = current.opening.join_if(&(), serves, open).await;
        let connection = opened.map_err(|why| failed(ErrorKind::Unavailable, why))??;
        let connection = Arc::new(connection);
        current.connection = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Gives a connection up that does not answer any more.
    pub(crate) async fn give_up(&self, connection: &Arc<Connection>) {
        let known = &mut self.current.lock().await.connection;
        if known.as_ref().is_some_and(|known| Arc::ptr_eq(known, connection)) {
            *known = None;
        }
    }
}

/// One connection, until it is lost.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    jetstream: jetstream::Context,
    denials: Arc<Denials>,
    idle: Mutex<Vec<AckInbox>>,
    /// Held while messages are sent that must follow each other without any between them.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

impl Connection {
    async fn open(config: &NatsConfig, servers: &[ServerAddr]) -> Result<Self, Error> {
        let denials = Arc::new(Denials::default());
        let options = options(config, &denials)?;
        let client = options.connect(servers).await.map_err(|error| {
            let kind = match error.kind() {
                ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                    ErrorKind::Forbidden
                }
                _ => ErrorKind::Unavailable,
            };
            failed(kind, error)
        })?;
        client
            .set_server_pool(NOWHERE)
            .await
            .map_err(|error| failed(ErrorKind::Unavailable, error))?;
        let jetstream =
            jetstream::ContextBuilder::new().timeout(config.ack_timeout).build(client.clone());
        let (idle, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self { client, jetstream, denials, idle, turn })
    }

    fn is_alive(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    pub(crate) fn denials(&self) -> &Denials {
        &self.denials
    }

    /// An inbox that expects nothing; one that was used before, if there is any.
    pub(crate) async fn inbox(&self) -> Result<AckInbox, async_nats::SubscribeError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(inbox) => Ok(inbox),
            None => AckInbox::open(&self.client).await,
        }
    }

    /// Takes an inbox back that expects nothing any more.
    pub(crate) fn put_back(&self, inbox: AckInbox) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(inbox);
    }
}

fn options(config: &NatsConfig, denials: &Arc<Denials>) -> Result<ConnectOptions, Error> {
    // Without one, TLS would choose one by what is compiled in, or panic if that is more than one.
    if CryptoProvider::get_default().is_none() {
        // Somebody else may have been faster.
        let _ = ring::default_provider().install_default();
    }
    let denials = Arc::clone(denials);
    let mut options = ConnectOptions::new()
        .name(format!("idp {}", config.prefix))
        .connection_timeout(config.connect_timeout)
        .request_timeout(Some(config.ack_timeout))
        // A connection that is stuck is noticed after three of these.
        .ping_interval(config.ack_timeout.max(Duration::from_secs(1)))
        .subscription_capacity(2 * config.in_flight_max)
        .ignore_discovered_servers()
        .max_reconnects(config.servers.len())
        .reconnect_delay_callback(|_| Duration::ZERO)
        .require_tls(config.requires_tls)
        .event_callback(move |event| {
            if let Event::ServerError(ServerError::Other(text)) = event {
                denials.hear(&text);
            }
            std::future::ready(())
        });
    if let Some(path) = &config.root_certificates {
        options = options.add_root_certificates(path.clone());
    }
    Ok(match &config.auth {
        NatsAuth::Anonymous => options,
        NatsAuth::Token(token) => options.token(token.clone()),
        NatsAuth::Password { user, password } => {
            options.user_and_password(user.clone(), password.clone())
        }
        NatsAuth::NkeySeed(seed) => options.nkey(seed.clone()),
        // What is wrong with them is not told: they are a secret.
        NatsAuth::Credentials(text) => options.credentials(text).map_err(|_| {
            Error::new(ErrorKind::Invalid, CONNECT, "`auth` holds no credentials that can be read")
        })?,
    })
}

const CONNECT: &str = "connect to NATS";

fn failed(kind: ErrorKind, source: impl Into<BoxError>) -> Error {
    let message = match kind {
        ErrorKind::Forbidden => "the server does not let the bus in",
        _ => "no server can be connected to",
    };
    Error::new(kind, CONNECT, message).with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::net::TcpListener;
    use std::pin::pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Poll;
    use std::thread;
    use tokio::task::yield_now;

    /// A server that hangs up on everybody: where it listens, and how often it did.
    fn rude() -> (String, Arc<AtomicU32>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let times = Arc::<AtomicU32>::default();
        let counted = Arc::clone(&times);
        thread::spawn(move || {
            while let Ok(connection) = listener.accept() {
                counted.fetch_add(1, Ordering::SeqCst);
                drop(connection);
            }
        });
        (address, times)
    }

    #[tokio::test]
    async fn an_opening_that_failed_while_nobody_waited_says_nothing_about_now() {
        let (address, times) = rude();
        let config = NatsConfig::new(address, "shop", ["LETTERS"]);
        let servers = config.check().expect("valid");
        let link = Link::new(config, servers);
        {
            let mut given_up = pin!(link.connection());
            let waits = poll_fn(|it| Poll::Ready(given_up.as_mut().poll(it).is_pending())).await;
            assert!(waits, "it is over");
        }
        while !link.current.lock().await.opening.is_done() {
            yield_now().await;
        }
        let before = times.load(Ordering::SeqCst);
        assert!(link.connection().await.is_err());
        assert!(times.load(Ordering::SeqCst) > before, "none was begun");
    }
}
