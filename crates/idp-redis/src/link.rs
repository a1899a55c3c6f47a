//! The connection to the server, and its replacement when it is lost.

use crate::RedisConfig;
use crate::error::not_connected;
use idp_application::{Error, ErrorKind};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, TlsCertificates};
use std::path::Path;
use std::{io, panic};
use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinSet};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

/// Gives the connection, and opens another when there is none.
///
/// What waits in a connection ends with it: nothing is sent again behind the back of whoever
/// publishes.
pub(crate) struct Link {
    client: Client,
    options: AsyncConnectionConfig,
    current: Mutex<Current>,
}

/// The connection, how many there were before it, and the one that is being opened.
#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    number: u64,
    /// It goes on when the call that began it is dropped: what takes longer than the patience of any
    /// call is there for a later one. It ends with the bus.
    opening: JoinSet<Result<MultiplexedConnection, Error>>,
}

impl Link {
    pub(crate) fn new(config: &RedisConfig, info: ConnectionInfo) -> Result<Self, Error> {
        let client = client(config, info)?;
        let options = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(config.connect_timeout))
            .set_response_timeout(Some(config.answer_timeout));
        Ok(Self { client, options, current: Mutex::default() })
    }

    /// The connection, and its number.
    pub(crate) async fn connection(&self) -> Result<(MultiplexedConnection, u64), Error> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((connection.clone(), current.number));
        }
        // One that failed says nothing about now.
        let left_over = current.opening.try_join_next().map(opened);
        let connection = match left_over {
            Some(Ok(connection)) => connection,
            _ => self.open(&mut current).await?,
        };
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }

    /// Waits for the connection that is being opened, and begins to open one if none is.
    async fn open(&self, current: &mut Current) -> Result<MultiplexedConnection, Error> {
        loop {
            if let Some(outcome) = current.opening.join_next().await {
                return opened(outcome);
            }
            let (client, options) = (self.client.clone(), self.options.clone());
            current.opening.spawn(async move {
                let opening = client.get_multiplexed_async_connection_with_config(&options);
                opening.await.map_err(not_connected)
            });
        }
    }

    /// Gives a connection up that is of no use any more.
    pub(crate) async fn give_up(&self, number: u64) {
        let mut current = self.current.lock().await;
        if current.number == number {
            current.connection = None;
        }
    }
}

/// What came of it; a panic goes on here.
fn opened(
    outcome: Result<Result<MultiplexedConnection, Error>, JoinError>,
) -> Result<MultiplexedConnection, Error> {
    outcome.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        Err(error) => Err(not_connected(io::Error::other(error).into())),
    })
}

fn client(config: &RedisConfig, info: ConnectionInfo) -> Result<Client, Error> {
    // Without one, TLS would choose one by what is compiled in, or panic if that is more than one.
    if config.url.starts_with("rediss://") && CryptoProvider::get_default().is_none() {
        // Somebody else may have been faster.
        let _ = ring::default_provider().install_default();
    }
    let client = match &config.root_certificates {
        Some(path) => {
            let root_cert = Some(read(path)?);
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
        }
        None => Client::open(info),
    };
    client.map_err(|error| {
        Error::new(ErrorKind::Invalid, "configure the bus to Redis", "the TLS settings do not fit")
            .with_source(error)
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| {
        let message = format!("`root_certificates` cannot be read from {}", path.display());
        Error::new(ErrorKind::Invalid, "configure the bus to Redis", message).with_source(error)
    })
}
