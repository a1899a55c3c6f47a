//! The metrics, on a listener of their own: they name tenants, and are for operators only.

use crate::bootstrap::Core;
use crate::settings::MetricsListen;
use idp::application::BoxError;
use idp::http::Edge;
use idp::http::axum::http::{HeaderMap, StatusCode, header};
use idp::http::axum::response::{IntoResponse, Response};
use idp::http::axum::{self, Router, routing};
use idp::telemetry::{SamplingHandle, Telemetry};
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// While it lives, `/metrics` is answered.
pub struct Metrics {
    address: SocketAddr,
    server: JoinHandle<()>,
    _sampling: SamplingHandle,
}

impl Metrics {
    /// Where.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Answers from now on, if that is wanted. Fails when the address that was asked for cannot be used;
/// without the usual one, which another process may have, the program does.
pub async fn start(core: &Core, listen: MetricsListen) -> Result<Option<Metrics>, BoxError> {
    let listener = match listen {
        MetricsListen::Off => return Ok(None),
        MetricsListen::At(address) => TcpListener::bind(address)
            .await
            .map_err(|error| format!("metrics.listen: {address} cannot be used: {error}"))?,
        MetricsListen::Usual => match TcpListener::bind(MetricsListen::USUAL).await {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(address = %MetricsListen::USUAL, %error, "there are no metrics");
                return Ok(None);
            }
        },
    };
    let address = listener.local_addr()?;
    let routes = routes(core.telemetry.clone(), address);
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "the metrics ended");
        }
    });
    Ok(Some(Metrics { address, server, _sampling: core.start_sampling() }))
}

/// `/metrics`, and nothing else, for who reaches that address.
pub fn routes(telemetry: Telemetry, address: SocketAddr) -> Router {
    let is_local = address.ip().is_loopback();
    let answer = async move |headers: HeaderMap| match is_local && !is_named_directly(&headers) {
        true => StatusCode::FORBIDDEN.into_response(),
        false => text(&telemetry),
    };
    Edge::default().wrap(Router::new().route("/metrics", routing::get(answer)))
}

fn text(telemetry: &Telemetry) -> Response {
    let fresh =
        [(header::CONTENT_TYPE, Telemetry::CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")];
    (fresh, telemetry.text()).into_response()
}

/// Whether the client asked an address, or the machine it is on. A page that somebody opens on this
/// machine, and that points a name of its own here (DNS rebinding), asks that name.
fn is_named_directly(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = host.parse::<SocketAddr>().map(|address| address.ip().to_string());
    let name =
        name.unwrap_or_else(|_| host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned());
    name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_the_machine_itself_are_answered() {
        let asked = |host: &str| {
            is_named_directly(&HeaderMap::from_iter([(
                header::HOST,
                host.parse().expect("a host"),
            )]))
        };
        for host in ["localhost", "localhost:9464", "127.0.0.1:9464", "[::1]:9464", "10.0.0.7"] {
            assert!(asked(host), "{host}");
        }
        for host in ["evil.example", "evil.example:9464", "localhost.evil.example", ""] {
            assert!(!asked(host), "{host}");
        }
        assert!(is_named_directly(&HeaderMap::new()));
    }
}
