//! The steps of the ladder, each as a process has it in use.

use crate::database::{Database, Opened};
use idp_application::{CommitSignal, CommitWatch};
use idp_relay::{RelayConfig, WakeUp, WakeUpHandle, WakeUpStep};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than a test takes.
const NEVER: Duration = Duration::from_secs(3_600);

/// What wakes relays.
#[derive(Clone)]
pub(crate) enum Step {
    /// The application that commits.
    InProcess,
    /// LISTEN and NOTIFY.
    Notify,
    /// Change data capture.
    Cdc,
    /// Nothing.
    Polling,
    /// A watch that a test made up, and how often to poll beside it.
    Beside(Arc<dyn CommitWatch>, Duration),
}

impl Step {
    /// Whether relays are in the process that commits.
    pub(crate) fn is_in_process(&self) -> bool {
        matches!(self, Self::InProcess)
    }

    /// Lets nothing but the step wake a relay; what was set aside is looked for by polling always.
    pub(crate) fn config(&self) -> RelayConfig {
        let poll_interval = match self {
            Self::Polling => Duration::from_millis(50),
            Self::Beside(_, poll_interval) => *poll_interval,
            Self::InProcess | Self::Notify | Self::Cdc => NEVER,
        };
        RelayConfig {
            poll_interval,
            poll_interval_watched: poll_interval.max(Duration::from_millis(50)),
            heartbeat_interval: Duration::from_millis(500),
            side_poll_interval: Duration::from_millis(100),
            batch_size: 20,
            ..RelayConfig::default()
        }
    }

    /// Watches the commits of other processes from now on, if that is what the step does.
    pub(crate) async fn watch(
        &self,
        database: &Database,
        opened: &Opened,
        signal: &CommitSignal,
    ) -> Option<WakeUpHandle> {
        let watch = match self {
            Self::InProcess | Self::Polling => return None,
            Self::Notify => opened.notify(),
            Self::Cdc => database.cdc(),
            Self::Beside(watch, _) => watch.clone(),
        };
        let name = watch.name();
        let ladder = WakeUp::new(signal, vec![watch]).start();
        let mut steps = ladder.changes();
        let begun = steps.wait_for(|step| *step == WakeUpStep::Watching(name));
        let begun = timeout(PATIENCE, begun).await.expect("it begins to watch");
        drop(begun.expect("the ladder is in use"));
        Some(ladder)
    }
}
