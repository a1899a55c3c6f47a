//! `route-planning serve [--dev]`

use super::greeting::greeting;
use super::sample::add_sample;
use super::stop_signal::stop_signal;
use crate::bootstrap::Core;
use crate::http::DevAccess;
use crate::metrics;
use crate::service::Service;
use crate::settings::Settings;
use idp::application::BoxError;
use idp::http::DevIssuer;
use idp::prelude::*;
use std::io::Write;
use tokio::net::TcpListener;

const DEV_TENANTS: [&str; 2] = ["acme", "globex"];

/// Serves until it is told to stop.
pub(crate) async fn serve(
    settings: Settings,
    dev: bool,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let core = Core::open(&settings.database).await?;
    let dev = dev.then(dev_access);
    let sample = match &dev {
        Some(dev) => add_sample(&core.app, &dev.tenants()[0]).await?,
        None => None,
    };
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("server.listen: {} cannot be used: {error}", settings.listen))?;
    let listen = listener.local_addr()?;
    writeln!(out, "Route planning is at http://{listen}/ and its API at http://{listen}/docs")?;
    writeln!(out, "Everything is kept in {}", settings.database)?;
    writeln!(out, "Events go to {}", settings.relay.bus)?;
    writeln!(out, "Events that everybody has read are {}", settings.log)?;
    let metrics = metrics::start(&core, settings.metrics).await?;
    if let Some(metrics) = &metrics {
        writeln!(out, "Metrics are at http://{}/metrics", metrics.address())?;
    }
    if let Some(sample) = sample {
        writeln!(out, "It was empty: {sample}")?;
    }
    if let Some(dev) = &dev {
        writeln!(out, "{}", greeting(listen, dev))?;
    }
    out.flush()?;
    let stop = stop_signal()?;
    Service::start(&core, &settings, dev).await?.serve(listener, stop).await
}

fn dev_access() -> DevAccess {
    let tenants = DEV_TENANTS.map(|name| TenantId::new(name).expect("a name of a tenant's shape"));
    DevAccess::new(DevIssuer::default(), tenants.into())
}
