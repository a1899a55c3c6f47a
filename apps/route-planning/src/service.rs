//! The service: HTTP, relay, projector and keeper of one process, started and stopped together.

use crate::bootstrap::Core;
use crate::http::{DevAccess, HttpState, routes};
use crate::settings::{Bus, Settings};
use idp::application::BoxError;
use idp::http::Shutdown;
use idp::http::axum::{self, Router};
use idp::keeper::KeeperHandle;
use idp::projection::ProjectorHandle;
use idp::relay::{RelayHandle, WakeUpHandle};
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long a stop waits for requests that are under way.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// A running service.
pub struct Service {
    routes: Router,
    relay: Option<RelayHandle>,
    projector: ProjectorHandle,
    keeper: Option<KeeperHandle>,
    wake_up: WakeUpHandle,
    shutdown: Shutdown,
}

impl Service {
    /// Starts the engines. With development access, only its tokens are accepted.
    pub async fn start(
        core: &Core,
        settings: &Settings,
        dev: Option<DevAccess>,
    ) -> Result<Self, BoxError> {
        let authenticator = match &dev {
            Some(dev) => dev.issuer().authenticator(),
            None => settings.auth.clone().ok_or("auth.* is not set")?,
        };
        let relay = match settings.relay.bus {
            Bus::Off => None,
            Bus::Console | Bus::Broker(_) => Some(core.start_relay(&settings.relay).await?),
        };
        let projector = core.start_projector()?;
        let keeper = core.start_keeper(&settings.log)?;
        let wake_up = core.start_wake_up();
        let shutdown = Shutdown::default();
        let state = HttpState {
            app: core.app.clone(),
            authenticator,
            board_changed: projector.updated().clone(),
            shutdown: shutdown.clone(),
        };
        Ok(Self { routes: routes(state, dev), relay, projector, keeper, wake_up, shutdown })
    }

    /// Answers requests until `stop` ends. Then live streams end, requests under way are finished
    /// (for ten seconds at most), and relay and projector give their leases back: what they have
    /// not done, the next start or another process does at once. The keeper ends what it is at: a
    /// segment of the archive, or a purge.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = io::Result<()>>,
    ) -> Result<(), BoxError> {
        let Self { routes, relay, projector, keeper, wake_up, shutdown } = self;
        let server = axum::serve(listener, routes).with_graceful_shutdown(shutdown.begun());
        let limit = async {
            let stopped = stop.await;
            shutdown.begin();
            tokio::time::sleep(DRAIN_MAX).await;
            stopped
        };
        let served = tokio::select! {
            served = server.into_future() => served,
            stopped = limit => stopped,
        };
        let relayed = match relay {
            Some(relay) => relay.stop().await,
            None => Ok(()),
        };
        let projected = projector.stop().await;
        let kept = match keeper {
            Some(keeper) => keeper.stop().await,
            None => Ok(()),
        };
        drop(wake_up);
        served?;
        relayed?;
        projected?;
        Ok(kept?)
    }
}
