//! Posts requests over connections that are kept and only lead where the guard allows.

use crate::connection::Connection;
use crate::error::Undelivered;
use crate::guard::Guard;
use crate::tls;
use crate::{EndpointUrl, Resolver, WebhookConfig};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use idp_application::Error;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use url::{Host, Origin, Url};

/// The head of an answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// An HTTP client that follows no redirect, knows no proxy and keeps no cookies.
pub(crate) struct Client {
    guard: Guard,
    resolver: Arc<dyn Resolver>,
    tls: TlsConnector,
    request_timeout: Duration,
    response_bytes_max: usize,
    idle_connections_max: usize,
    idle_time_max: Duration,
    idle: Mutex<HashMap<Origin, Vec<Connection>>>,
}

impl Client {
    pub(crate) fn new(config: &WebhookConfig, resolver: Arc<dyn Resolver>) -> Result<Self, Error> {
        Ok(Self {
            guard: Guard::new(config),
            resolver,
            tls: tls::connector(config)?,
            request_timeout: config.request_timeout,
            response_bytes_max: config.response_bytes_max,
            idle_connections_max: config.idle_connections_max,
            idle_time_max: config.idle_time_max,
            idle: Mutex::default(),
        })
    }

    /// Sends a request to the host of the URL, all in the time of one request.
    pub(crate) async fn post(
        &self,
        url: &EndpointUrl,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Undelivered> {
        if let Some(fault) = self.guard.url_fault(url) {
            return Err(Undelivered::forbidden(fault));
        }
        let deadline = Instant::now() + self.request_timeout;
        let exchanged = timeout_at(deadline, self.exchange(url.url(), request)).await;
        let (answer, rest) = exchanged.unwrap_or_else(|_| {
            Err(Undelivered::away(format!("no answer within {:?}", self.request_timeout)))
        })?;
        let (mut connection, mut body) = rest;
        let finish = connection.finish(&mut body, self.response_bytes_max);
        if timeout_at(deadline, finish).await == Ok(true) {
            self.keep(url.url().origin(), connection);
        }
        Ok(answer)
    }

    /// Uses an idle connection if there is one. When that turns out to be closed before anything of the
    /// request was sent, it goes over a new one. What may have arrived is not sent a second time: that
    /// is for the relay to do, which counts it.
    async fn exchange(
        &self,
        url: &Url,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Answer, (Connection, hyper::body::Incoming)), Undelivered> {
        while let Some(mut connection) = self.take(&url.origin()) {
            match connection.send(request).await {
                Ok(response) => return Ok(split(connection, response)),
                Err((_, Some(unsent))) => request = unsent,
                Err((e, None)) => return Err(unanswered(e)),
            }
        }
        let mut connection = self.connect(url).await?;
        let response = connection.send(request).await.map_err(|(e, _)| unanswered(e))?;
        Ok(split(connection, response))
    }

    async fn connect(&self, url: &Url) -> Result<Connection, Undelivered> {
        let stream = dial(&self.addresses(url).await?, self.request_timeout).await?;
        let opened = if url.scheme() == "https" {
            let stream = self
                .tls
                .connect(server_name(url)?, stream)
                .await
                .map_err(|e| Undelivered::away("the TLS handshake failed").with_source(e))?;
            Connection::open(stream).await
        } else {
            Connection::open(stream).await
        };
        opened.map_err(unanswered)
    }

    /// The addresses of the host that may be connected to; there is at least one.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, Undelivered> {
        let port = url.port_or_known_default().unwrap_or_default();
        let addresses = match url.host() {
            Some(Host::Ipv4(v4)) => vec![(IpAddr::V4(v4), port).into()],
            Some(Host::Ipv6(v6)) => vec![(IpAddr::V6(v6), port).into()],
            Some(Host::Domain(name)) => {
                let found = self.resolver.resolve(name, port).await;
                found.map_err(|e| Undelivered::away("its host cannot be found").with_source(e))?
            }
            None => Vec::new(),
        };
        if addresses.is_empty() {
            return Err(Undelivered::away("its host has no address"));
        }
        let admitted = self.guard.admitted(addresses);
        if admitted.is_empty() {
            return Err(Undelivered::forbidden("its host is not on the public internet"));
        }
        Ok(admitted)
    }

    fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.idle();
        let connections = idle.get_mut(origin)?;
        while let Some(connection) = connections.pop() {
            if connection.is_ready() && connection.idle_since.elapsed() < self.idle_time_max {
                return Some(connection);
            }
        }
        None
    }

    fn keep(&self, origin: Origin, connection: Connection) {
        let mut idle = self.idle();
        idle.retain(|_, connections| {
            connections.retain(|c| c.is_ready() && c.idle_since.elapsed() < self.idle_time_max);
            !connections.is_empty()
        });
        let connections = idle.entry(origin).or_default();
        if connections.len() < self.idle_connections_max {
            connections.push(connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Origin, Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn split(
    connection: Connection,
    response: hyper::Response<hyper::body::Incoming>,
) -> (Answer, (Connection, hyper::body::Incoming)) {
    let (head, body) = response.into_parts();
    (Answer { status: head.status, headers: head.headers }, (connection, body))
}

/// Connects to the first of the addresses that answers. Each gets its part of the time, so that one
/// that leads nowhere does not use up that of the others.
async fn dial(addresses: &[SocketAddr], within: Duration) -> Result<TcpStream, Undelivered> {
    let parts = u32::try_from(addresses.len()).unwrap_or(u32::MAX).saturating_add(1);
    let mut failed = io::Error::other("there was no address");
    for address in addresses {
        match timeout(within / parts, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // A request is written at once; there is nothing to wait for.
                drop(stream.set_nodelay(true));
                return Ok(stream);
            }
            Ok(Err(e)) => failed = e,
            Err(_) => failed = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(Undelivered::away("it cannot be connected to").with_source(failed))
}

fn server_name(url: &Url) -> Result<ServerName<'static>, Undelivered> {
    let invalid = || Undelivered::away("its host has a name that no certificate can have");
    match url.host() {
        Some(Host::Domain(name)) => {
            ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| invalid())
        }
        Some(Host::Ipv4(v4)) => Ok(ServerName::IpAddress(IpAddr::V4(v4).into())),
        Some(Host::Ipv6(v6)) => Ok(ServerName::IpAddress(IpAddr::V6(v6).into())),
        None => Err(invalid()),
    }
}

fn unanswered(error: hyper::Error) -> Undelivered {
    Undelivered::away("the connection failed before there was an answer").with_source(error)
}
