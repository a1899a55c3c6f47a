//! Carries events from the outbox to a bus.

use crate::engine::Engine;
use crate::sends::{Sends, now};
use crate::worker::Worker;
use crate::{RelayConfig, RelayHandle, RelayMetrics, Target};
use idp_application::{
    Audience, CommitSignal, Error, ErrorKind, Reader, RelayLog, RelayObserver, Sharding, WorkerId,
};
use std::sync::Arc;
use tokio::sync::watch;

/// Carries the events of the outbox to a target: the first deliveries of each aggregate in order,
/// with any number of relays of the same target, in any number of processes.
///
/// The promises, and what happens at each crash, are written down in `docs/relay.md`. An event that
/// the bus refuses for good is set aside together with those of its aggregate that follow, until an
/// operator decides; everything else that fails is tried again. Nothing is skipped and nothing
/// dropped.
pub struct Relay {
    config: RelayConfig,
    target: Target,
    log: Arc<dyn RelayLog>,
    worker: WorkerId,
    committed: CommitSignal,
    audience: Audience<dyn RelayObserver>,
}

impl Relay {
    /// A relay that is not running yet.
    ///
    /// `worker` must be an identity that no other relay has, and one drawn anew for each start.
    /// `committed` is the signal of the application whose commits should be sent at once; those of
    /// other processes are found by polling.
    ///
    /// Fails with [`Invalid`](ErrorKind::Invalid) when the target or values of the configuration are
    /// not as they must be; the message names all of them.
    pub fn new(
        target: Target,
        config: RelayConfig,
        log: Arc<dyn RelayLog>,
        worker: WorkerId,
        committed: &CommitSignal,
    ) -> Result<Self, Error> {
        let mut faults = target.faults();
        faults.extend(config.check().err().map(|error| error.message().to_owned()));
        if !faults.is_empty() {
            let faults = faults.join("; ");
            return Err(Error::new(ErrorKind::Invalid, "configure the relay", faults));
        }
        Ok(Self {
            config,
            target,
            log,
            worker,
            committed: committed.clone(),
            audience: Audience::default(),
        })
    }

    /// Tells somebody what it does.
    pub fn observer(mut self, observer: Arc<dyn RelayObserver>) -> Self {
        self.audience = Audience::of(observer);
        self
    }

    /// Runs on the current tokio runtime until the handle stops it or is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime whose clock is enabled.
    #[must_use = "a relay whose handle is dropped ends as in a crash"]
    pub fn start(self) -> RelayHandle {
        let (stop, stopped) = watch::channel(false);
        let metrics = watch::Sender::new(RelayMetrics::default());
        let counted = metrics.subscribe();
        let reader = Reader { name: self.target.name().to_owned(), sharding: Sharding::ByLane };
        let engine = Engine {
            log: self.log,
            reader,
            id: self.worker,
            worker: Worker::new(self.config.clone(), self.target.clone(), self.worker, now()),
            config: self.config,
            sends: Sends::new(self.target, self.audience.clone()),
            audience: self.audience,
            told: RelayMetrics::default(),
            committed: self.committed.listen(),
            signal: self.committed,
            stop: stopped,
            metrics,
        };
        RelayHandle::new(tokio::spawn(engine.run()), stop, counted)
    }
}
