//! Drives a projection, turn by turn. The protocol is written down in `docs/projection.md`.

mod reading;
mod tenure;

use crate::ProjectorStatus;
use crate::projector::Parts;
use crate::request::{Request, Requests};
use idp_application::{
    CommitListener, Error, ErrorKind, LaneLease, Projection, ProjectionSeen, Reader, RetryPolicy,
    Sharding,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// A running projector.
pub(crate) struct Engine<P> {
    parts: Parts<P>,
    reader: Reader,
    channels: Channels,
    committed: CommitListener,
    requests: Requests,
    /// The lease, if it is held; its position is that of the checkpoint.
    lease: Option<LaneLease>,
    /// A lease under which it is not known what was written. It is given back before another one is
    /// claimed.
    doubtful: Option<LaneLease>,
    /// Whether the database knows of this projector.
    has_joined: bool,
    heartbeat_at: Instant,
    poll_at: Instant,
    /// Whether there may be something to read.
    has_news: bool,
    /// Failures in a row.
    failures: u32,
}

/// What connects the engine with its handle.
pub(crate) struct Channels {
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) requests: mpsc::UnboundedReceiver<Request>,
    pub(crate) status: watch::Sender<ProjectorStatus>,
}

/// What a turn came to.
enum Turn {
    /// There may be more to do.
    Busy,
    /// There is nothing to do before something happens.
    Idle,
}

impl<P: Projection> Engine<P> {
    pub(crate) fn new(parts: Parts<P>, channels: Channels) -> Self {
        let now = Instant::now();
        Self {
            reader: Reader { name: P::NAME.into(), sharding: Sharding::Whole },
            committed: parts.committed.listen(),
            parts,
            channels,
            requests: Requests::default(),
            lease: None,
            doubtful: None,
            has_joined: false,
            heartbeat_at: now,
            poll_at: now,
            has_news: true,
            failures: 0,
        }
    }

    /// Runs until it is stopped. Fails when it could not give its lease back.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        tracing::info!(projection = P::NAME, worker = %self.parts.worker.0, "projector started");
        while !*self.channels.stop.borrow() {
            while let Ok(request) = self.channels.requests.try_recv() {
                self.requests.take(request);
            }
            match self.turn().await {
                Ok(Turn::Busy) => self.failures = 0,
                Ok(Turn::Idle) => self.wait().await,
                Err(error) => self.pause(&error).await,
            }
        }
        self.end().await
    }

    async fn turn(&mut self) -> Result<Turn, Error> {
        self.keep_lease().await?;
        if self.lease.is_none() {
            return Ok(Turn::Idle);
        }
        if self.requests.wants_rebuild() {
            return self.reset().await;
        }
        if Instant::now() >= self.poll_at {
            self.poll_at = Instant::now() + self.parts.config.poll_interval;
            self.has_news = true;
        }
        if self.has_news || self.requests.wants_reading() {
            return self.project().await;
        }
        Ok(Turn::Idle)
    }

    async fn wait(&mut self) {
        self.failures = 0;
        let holds_lease = self.lease.is_some();
        let poll_at = if holds_lease { self.poll_at } else { self.heartbeat_at };
        tokio::select! {
            // When the handle is gone, so is this task.
            _ = self.channels.stop.changed() => {}
            Some(request) = self.channels.requests.recv() => self.requests.take(request),
            () = self.committed.rung(), if holds_lease => self.has_news = true,
            () = sleep_until(self.heartbeat_at.min(poll_at)) => {}
        }
    }

    /// Waits after a failure, but not beyond the time to renew the lease.
    async fn pause(&mut self, error: &Error) {
        self.failures = self.failures.saturating_add(1);
        let pause = self.backoff().min(self.parts.config.heartbeat_interval);
        let is_stalled = !error.is_retryable() && !error.is_outcome_unknown();
        let stalled = is_stalled.then(|| Arc::from(error.to_string()));
        self.report(|status| {
            status.failures += 1;
            status.stalled = stalled;
        });
        if is_stalled {
            tracing::error!(projection = P::NAME, ?pause, %error, "the projector cannot get on");
        } else {
            tracing::warn!(projection = P::NAME, ?pause, %error, "the database failed");
        }
        tokio::select! {
            _ = self.channels.stop.changed() => {}
            () = sleep(pause) => {}
        }
    }

    /// Full jitter: another pause for each worker and each failure, never zero.
    fn backoff(&self) -> Duration {
        let config = &self.parts.config;
        let (pause_min, pause_max) = (config.backoff_min, config.backoff_max);
        let policy = RetryPolicy { attempts_max: u32::MAX, pause_min, pause_max };
        let mut hasher = DefaultHasher::new();
        (self.parts.worker, self.failures).hash(&mut hasher);
        let random = u16::try_from(hasher.finish() >> 48).expect("16 bits are left");
        policy.pause_after(self.failures, random).max(Duration::from_millis(1))
    }

    /// Makes one call of the database, which is given up after half the time of a lease.
    async fn call<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        timeout(self.parts.config.lease_ttl / 2, call).await.unwrap_or_else(|_| {
            let message = "no answer within half the time of a lease";
            let error = Error::new(ErrorKind::Timeout, "ask the database", message);
            Err(error.with_outcome_unknown())
        })
    }

    fn report(&self, change: impl FnOnce(&mut ProjectorStatus)) {
        let (holds_lease, checkpoint) =
            (self.lease.is_some(), self.lease.map(|lease| lease.sequence));
        let is_news = self.channels.status.send_if_modified(|status| {
            let before = status.clone();
            status.holds_lease = holds_lease;
            status.checkpoint = checkpoint.unwrap_or(status.checkpoint);
            change(status);
            *status != before
        });
        if is_news {
            let status = &self.channels.status.borrow().clone();
            let (projection, worker) = (P::NAME, self.parts.worker);
            self.tell(ProjectionSeen::Counted { projection, worker, status });
        }
    }
}

impl<P> Engine<P> {
    fn tell(&self, seen: ProjectionSeen<'_>) {
        self.parts.audience.tell(|observer| observer.observe(seen));
    }
}

/// However it ends, also when its handle is dropped: what it held must not be shown for ever.
impl<P> Drop for Engine<P> {
    fn drop(&mut self) {
        let (projection, worker) = (self.reader.name.as_str(), self.parts.worker);
        self.tell(ProjectionSeen::Ended { projection, worker });
    }
}
