//! The connection to the server, and its replacement when it is lost.

use crate::RedisConfig;
use crate::error::not_connected;
use idp_application::{Error, ErrorKind};
use idp_errand::Errand;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, TlsCertificates};
use std::io;
use std::path::Path;
use tokio::sync::Mutex;
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
    opening: Errand<(), Result<MultiplexedConnection, Error>>,
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
        let open = || {
            let (client, options) = (self.client.clone(), self.options.clone());
            async move {
                let opening = client.get_multiplexed_async_connection_with_config(&options);
                opening.await.map_err(not_connected)
            }
        };
        let opened = current.opening.join_if(&(), Result::is_ok, open).await;
        let connection = opened.map_err(|why| not_connected(io::Error::other(why).into()))??;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }

    /// Gives a connection up that is of no use any more.
    pub(crate) async fn give_up(&self, number: u64) {
        let mut current = self.current.lock().await;
        if current.number == number {
            current.connection = None;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::net::TcpListener;
    use std::pin::pin;
    use std::sync::Arc;
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
        let config = RedisConfig::new(format!("redis://{address}"), "shop");
        let info = config.check().expect("valid");
        let link = Link::new(&config, info).expect("valid");
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
