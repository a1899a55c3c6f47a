//! `route-planning relay`

use super::stop_signal::stop_signal;
use crate::bootstrap::Core;
use crate::metrics;
use crate::settings::Settings;
use idp::application::BoxError;

/// Relays events to the bus that is set until it is told to stop. Any number of these processes share the
/// work, with or without a service that relays, too.
pub(crate) async fn relay(settings: Settings) -> Result<(), BoxError> {
    let core = Core::open(&settings.database).await?;
    let _wake_up = core.start_wake_up();
    let _metrics = metrics::start(&core, settings.metrics).await?;
    let stop = stop_signal()?;
    let relay = core.start_relay(&settings.relay).await?;
    stop.await?;
    Ok(relay.stop().await?)
}
