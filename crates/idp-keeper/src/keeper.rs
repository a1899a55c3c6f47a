//! Keeps the outbox small by itself.

use crate::archive::{ArchiveConfig, ArchiveStore, Archiver};
use crate::engine::Engine;
use crate::{KeeperConfig, KeeperHandle, KeeperStatus};
use idp_application::{Audience, Clock, Error, KeeperObserver, LogKeeping, OutboxLog, WorkerId};
use std::sync::Arc;
use tokio::sync::watch;

/// Purges the log every so often, and archives it before.
///
/// Any number of processes may run one, for the same log: the database makes one purge at a time, and
/// one archiver at a time has a lane. The promises, and what happens at each crash, are written down
/// in `docs/purge.md`. What holds the log is told, never overruled.
pub struct Keeper {
    parts: Parts,
}

impl Keeper {
    /// A keeper that is not running yet, and archives nothing.
    ///
    /// `worker` must be an identity that no other keeper has, and one drawn anew for each start. The
    /// clock only tells how long something has held the log.
    ///
    /// Fails with [`Invalid`](idp_application::ErrorKind::Invalid) when values of the configuration
    /// are out of bounds; the message names all of them.
    pub fn new(
        config: KeeperConfig,
        keeping: Arc<dyn LogKeeping>,
        worker: WorkerId,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        config.check()?;
        let (archiver, audience) = (None, Audience::default());
        Ok(Self { parts: Parts { config, keeping, worker, clock, archiver, audience } })
    }

    /// Archives every event before it is dropped. From its first turn on the archive is a reader of
    /// the log, so that nobody's purge drops what it has not recorded.
    ///
    /// `log` is the store itself, or a wrapper that encrypts what is read, if the log is in clear and the
    /// archive must not be. Through one that decrypts, the archive would have in clear what is encrypted in
    /// the outbox: an archive that must not is [`encrypted`](ArchiveConfig::encrypted), and refuses it.
    ///
    /// Fails as [`new`](Self::new) does.
    pub fn archiving(
        mut self,
        config: ArchiveConfig,
        log: Arc<dyn OutboxLog>,
        store: Arc<dyn ArchiveStore>,
    ) -> Result<Self, Error> {
        let Parts { worker, config: KeeperConfig { call_timeout, .. }, .. } = &self.parts;
        let archiver = Archiver::new(config, log, store, *worker, *call_timeout)?;
        self.parts.archiver = Some(archiver);
        Ok(self)
    }

    /// Tells somebody what it does.
    pub fn observer(mut self, observer: Arc<dyn KeeperObserver>) -> Self {
        self.parts.audience = Audience::of(observer);
        self
    }

    /// Runs on the current tokio runtime until the handle stops it or is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime whose clock is enabled.
    #[must_use = "a keeper whose handle is dropped ends as in a crash"]
    pub fn start(self) -> KeeperHandle {
        let (stop, stopped) = watch::channel(false);
        let status = watch::Sender::new(KeeperStatus::default());
        let reported = status.subscribe();
        let stop_timeout = self.parts.config.stop_timeout;
        let engine = Engine::new(self.parts, stopped, status);
        KeeperHandle::new(tokio::spawn(engine.run()), stop, reported, stop_timeout)
    }
}

/// What a keeper is made of.
pub(crate) struct Parts {
    pub(crate) config: KeeperConfig,
    pub(crate) keeping: Arc<dyn LogKeeping>,
    pub(crate) worker: WorkerId,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) archiver: Option<Archiver>,
    pub(crate) audience: Audience<dyn KeeperObserver>,
}
