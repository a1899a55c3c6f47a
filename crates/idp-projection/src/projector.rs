//! Keeps a read model up to date.

use crate::engine::{Channels, Engine};
use crate::{ProjectorConfig, ProjectorHandle, ProjectorStatus};
use idp_application::{
    Audience, Backend, CommitSignal, Error, ErrorKind, Projection, ProjectionObserver, Reader,
    WorkerId,
};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Folds the events of the outbox into the rows of a projection.
///
/// The promises, and what happens at each crash, are written down in `docs/projection.md`. An event
/// that cannot be folded stops the projector until it can; nothing is skipped.
pub struct Projector<P> {
    parts: Parts<P>,
}

impl<P: Projection> Projector<P> {
    /// A projector that is not running yet. The table of `P::Row` must have been made.
    ///
    /// `worker` must be an identity that no other projector has, and one drawn anew for each start.
    /// `committed` is the signal of the application whose commits should show at once; those of
    /// other processes are found by polling.
    ///
    /// Fails with [`Invalid`](ErrorKind::Invalid) when the [name](Projection::NAME) or values of the
    /// configuration are not as they must be; the message names all of them.
    pub fn new(
        config: ProjectorConfig,
        projection: P,
        backend: Arc<dyn Backend>,
        worker: WorkerId,
        committed: &CommitSignal,
    ) -> Result<Self, Error> {
        check(P::NAME, &config)?;
        let (committed, updated) = (committed.clone(), CommitSignal::default());
        let audience = Audience::default();
        let parts = Parts { config, projection, backend, worker, committed, updated, audience };
        Ok(Self { parts })
    }

    /// Tells somebody what it does.
    pub fn observer(mut self, observer: Arc<dyn ProjectionObserver>) -> Self {
        self.parts.audience = Audience::of(observer);
        self
    }

    /// Rung after each batch that was applied: when live views should look for changed rows.
    pub fn updated(&self) -> &CommitSignal {
        &self.parts.updated
    }

    /// Runs on the current tokio runtime until the handle stops it or is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime whose clock is enabled.
    #[must_use = "a projector whose handle is dropped ends"]
    pub fn start(self) -> ProjectorHandle {
        let (stop, stopped) = watch::channel(false);
        let (asked, requests) = mpsc::unbounded_channel();
        let status = watch::Sender::new(ProjectorStatus::default());
        let reported = status.subscribe();
        let updated = self.parts.updated.clone();
        let engine = Engine::new(self.parts, Channels { stop: stopped, requests, status });
        ProjectorHandle::new(tokio::spawn(engine.run()), stop, asked, reported, updated)
    }
}

fn check(name: &str, config: &ProjectorConfig) -> Result<(), Error> {
    let mut faults: Vec<String> = Reader::name_fault("NAME", name).into_iter().collect();
    faults.extend(config.check().err().map(|error| error.message().to_owned()));
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, "configure the projector", faults.join("; ")))
}

/// What a projector is made of.
pub(crate) struct Parts<P> {
    pub(crate) config: ProjectorConfig,
    pub(crate) projection: P,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) worker: WorkerId,
    pub(crate) committed: CommitSignal,
    pub(crate) updated: CommitSignal,
    pub(crate) audience: Audience<dyn ProjectionObserver>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_name_is_refused_together_with_what_is_wrong_with_the_configuration() {
        assert!(check("board", &ProjectorConfig::default()).is_ok());
        let config = ProjectorConfig { batch_size: 0, ..ProjectorConfig::default() };
        let error = check("the board", &config).expect_err("two faults");
        let expected = "`NAME` must be 1 to 64 letters, digits, `.`, `_` and `-`, the first of them a \
                        letter or digit, got \"the board\"; \
                        `batch_size` must be within 1..=10000, got 0";
        assert_eq!(error.message(), expected);
    }
}
