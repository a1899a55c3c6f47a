//! The connections of a bus, one to each broker, made when they are needed.

use crate::PulsarConfig;
use crate::connection::{Connection, Manners};
use crate::error::Failure;
use crate::network;
use crate::service_url::{Host, ServiceUrl};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as Turn;
use tokio::time::timeout;
use tokio_rustls::rustls::ClientConfig;

/// Where a connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    /// Whom we connect to.
    pub(crate) host: Host,
    /// The broker behind it, if that is a proxy.
    pub(crate) proxied_to: Option<String>,
}

pub(crate) struct Connections {
    service: ServiceUrl,
    tls: Option<Arc<ClientConfig>>,
    manners: Manners,
    connect_timeout: Duration,
    places: Mutex<HashMap<Address, Arc<Place>>>,
}

/// The turn to connect to one address, and the connection.
type Place = Turn<Option<Arc<Connection>>>;

impl Connections {
    pub(crate) fn new(config: &PulsarConfig, service: ServiceUrl) -> Result<Self, Failure> {
        let tls = match (&config.tls, service.is_tls) {
            (_, false) => None,
            (Some(tls), true) => Some(tls.clone()),
            (None, true) => Some(network::usual_tls().map_err(Failure::Unavailable)?),
        };
        let manners = Manners { token: config.token.clone(), keep_alive: config.keep_alive };
        let places = Mutex::default();
        Ok(Self { service, tls, manners, connect_timeout: config.connect_timeout, places })
    }

    /// A connection to a host of the service URL, and which: one that is there, or else to the first
    /// that answers.
    pub(crate) async fn any(&self) -> Result<(Arc<Connection>, Host), Failure> {
        if let Some(present) = self.service.hosts.iter().find_map(|host| self.present(host)) {
            return Ok(present);
        }
        let mut failures = Vec::new();
        for host in &self.service.hosts {
            match self.to(Address { host: host.clone(), proxied_to: None }).await {
                Ok(connection) => return Ok((connection, host.clone())),
                Err(Failure::Unavailable(reason)) => failures.push(reason),
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::Unavailable(failures.join("; ")))
    }

    /// The connection to that address; a new one if there is none or it is gone.
    pub(crate) async fn to(&self, address: Address) -> Result<Arc<Connection>, Failure> {
        let place = self.place(&address);
        let mut connection = place.lock().await;
        if let Some(connection) = connection.as_ref().filter(|connection| !connection.is_lost()) {
            return Ok(connection.clone());
        }
        let fresh = Arc::new(self.connect(&address).await?);
        *connection = Some(fresh.clone());
        Ok(fresh)
    }

    /// The URL among those a broker names that is for us.
    pub(crate) fn choose<'u>(
        &self,
        plain: Option<&'u str>,
        tls: Option<&'u str>,
    ) -> Option<&'u str> {
        if self.service.is_tls { tls } else { plain }
    }

    fn present(&self, host: &Host) -> Option<(Arc<Connection>, Host)> {
        let place = self.place(&Address { host: host.clone(), proxied_to: None });
        let connection = place.try_lock().ok()?.clone();
        Some((connection.filter(|connection| !connection.is_lost())?, host.clone()))
    }

    fn place(&self, address: &Address) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.entry(address.clone()).or_default().clone()
    }

    async fn connect(&self, address: &Address) -> Result<Connection, Failure> {
        let name = address.host.address();
        let broken = |why: String| Failure::Unavailable(format!("cannot connect to {name}: {why}"));
        let connected = async {
            let network = network::dial(&address.host, self.tls.as_ref()).await;
            let network = network.map_err(|error| broken(error.to_string()))?;
            Connection::begin(network, self.manners.clone(), address.proxied_to.as_deref()).await
        };
        let within = self.connect_timeout;
        timeout(within, connected).await.map_err(|_| broken(format!("not within {within:?}")))?
    }
}
