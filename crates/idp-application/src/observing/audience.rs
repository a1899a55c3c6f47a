//! Whoever observes the engines and the units of work, to count what happens.

use crate::{
    KeeperMetrics, Message, ProjectorStatus, PublishFailure, PurgeBlock, RelayMetrics, WorkerId,
};
use idp_domain::TenantId;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Is told what a relay does.
///
/// # Contract
/// It is called where the work is done, and the work waits for it: it must not block, nor take longer
/// than counting does. What it costs is added to every send. A panic of it is caught and logged, and
/// changes nothing else.
pub trait RelayObserver: Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, seen: RelaySeen<'_>);
}

/// What happens in a relay.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RelaySeen<'a> {
    /// A batch was sent, or not.
    Send(&'a SendSeen<'a>),
    /// What a worker counts is another since it last told.
    Counted {
        /// The name of the target.
        target: &'a str,
        /// Which of its workers.
        worker: WorkerId,
        /// What it has done since it was started, and how it stands.
        metrics: &'a RelayMetrics,
    },
    /// A worker has ended, stopped or not. It holds nothing any more.
    Ended {
        /// The name of the target.
        target: &'a str,
        /// Which of its workers.
        worker: WorkerId,
    },
}

/// One send of a batch to a bus.
#[derive(Clone, Copy, Debug)]
pub struct SendSeen<'a> {
    /// The name of the target.
    pub target: &'a str,
    /// What kind of broker the target sends to, as OpenTelemetry names it.
    pub system: &'a str,
    /// The template of the topics; one without placeholders is the topic.
    pub template: &'a str,
    /// The messages, in order, as they were sent: those that a transformation refused, and those behind
    /// one, are not among them.
    pub messages: &'a [Message],
    /// How many of them, from the first, the bus has taken over.
    pub accepted: usize,
    /// What stopped the next one.
    pub failure: Option<PublishFailure>,
    /// How long it took.
    pub took: Duration,
}

/// Is told what units of work do. The contract is that of [`RelayObserver`].
pub trait UnitOfWorkObserver: Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, seen: UnitOfWorkSeen<'_>);
}

/// What happens in units of work.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum UnitOfWorkSeen<'a> {
    /// Something was written.
    Committed {
        /// Whose.
        tenant: &'a TenantId,
        /// How many events are in the outbox now that were not before.
        events: u64,
        /// How long the store took.
        took: Duration,
    },
    /// Somebody else changed the same: nothing was written.
    Conflicted,
    /// An aggregate was asked for by its identity.
    LookedUp {
        /// Whether the unit of work knew it already, so that the store was not asked.
        is_known: bool,
    },
}

/// Is told what projectors do. The contract is that of [`RelayObserver`].
pub trait ProjectionObserver: Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, seen: ProjectionSeen<'_>);
}

/// What happens in a projector.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ProjectionSeen<'a> {
    /// A batch is in the read model.
    Applied {
        /// The name of the projection.
        projection: &'a str,
        /// How many events.
        events: u64,
        /// How many rows were written or removed.
        rows: u64,
        /// How long it took, from reading what it changes to the commit.
        took: Duration,
    },
    /// Where a projector stands is another place since it last told.
    Counted {
        /// The name of the projection.
        projection: &'a str,
        /// Which of its projectors.
        worker: WorkerId,
        /// What it has done since it was started, and how it stands.
        status: &'a ProjectorStatus,
    },
    /// A projector has ended, stopped or not. It holds nothing any more.
    Ended {
        /// The name of the projection.
        projection: &'a str,
        /// Which of its projectors.
        worker: WorkerId,
    },
}

/// Is told what keepers of the log do. The contract is that of [`RelayObserver`].
pub trait KeeperObserver: Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, seen: KeeperSeen<'_>);
}

/// What happens in a keeper.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum KeeperSeen<'a> {
    /// It begins, or a turn has ended.
    Counted {
        /// Which keeper.
        worker: WorkerId,
        /// What it has done since it was started, and how it stands.
        metrics: &'a KeeperMetrics,
        /// What held the log at the last purge, if anything did but the configuration.
        held_by: Option<&'a PurgeBlock>,
    },
    /// A keeper has ended, stopped or not.
    Ended {
        /// Which keeper.
        worker: WorkerId,
    },
}

/// One observer, or none; a panic of it ends here.
pub struct Audience<O: ?Sized>(Option<Arc<O>>);

impl<O: ?Sized> Audience<O> {
    /// This one.
    pub fn of(observer: Arc<O>) -> Self {
        Self(Some(observer))
    }

    /// Whether there is somebody to tell.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Tells it.
    pub fn tell(&self, tell: impl FnOnce(&O)) {
        let Some(observer) = &self.0 else { return };
        if catch_unwind(AssertUnwindSafe(|| tell(observer))).is_err() {
            tracing::error!("an observer panicked; what it was told is not counted");
        }
    }
}

impl<O: ?Sized> Default for Audience<O> {
    /// Nobody.
    fn default() -> Self {
        Self(None)
    }
}

impl<O: ?Sized> Clone for Audience<O> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<O: ?Sized> fmt::Debug for Audience<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audience({})", if self.is_there() { "one" } else { "nobody" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Counting(AtomicU64);

    impl UnitOfWorkObserver for Counting {
        fn observe(&self, _: UnitOfWorkSeen<'_>) {
            let told = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(told.is_multiple_of(2), "it does not like odd numbers");
        }
    }

    #[test]
    fn a_panic_of_an_observer_goes_no_further_and_it_is_told_again() {
        let counting = Arc::new(Counting(AtomicU64::new(0)));
        let audience: Audience<dyn UnitOfWorkObserver> = Audience::of(counting.clone());
        audience.tell(|observer| observer.observe(UnitOfWorkSeen::Conflicted));
        audience.tell(|observer| observer.observe(UnitOfWorkSeen::Conflicted));
        assert_eq!(counting.0.load(Ordering::SeqCst), 2);
        assert!(!Audience::<dyn UnitOfWorkObserver>::default().is_there());
    }
}
