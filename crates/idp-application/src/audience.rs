//! Whoever observes the engines and the units of work, to count what happens.

use crate::{Lane, Message, PublishFailure};
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
    /// Events were set aside, and that is recorded.
    SetAside {
        /// The name of the target.
        target: &'a str,
        /// How many events.
        events: u64,
    },
    /// A call of the outbox log failed. It is made again.
    LogFailed {
        /// The name of the target.
        target: &'a str,
    },
    /// Another worker has the lane.
    Fenced {
        /// The name of the target.
        target: &'a str,
        /// The lane.
        lane: Lane,
    },
    /// What is so now; told when something may have changed, and at the end.
    Present(&'a PresentSeen<'a>),
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

/// What is so now with one worker of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentSeen<'a> {
    /// The name of the target.
    pub target: &'a str,
    /// Lanes that the worker holds.
    pub lanes_held: u64,
    /// Those of them that stand still because no more may be set aside in them.
    pub lanes_stalled: u64,
    /// Those of them of which something cannot be read or recorded.
    pub lanes_failing: u64,
    /// Keys blocked in the lanes held.
    pub keys_blocked: u64,
    /// Whether the bus is thought to be away: only one lane tries it.
    pub bus_away: bool,
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
    /// Something failed. It is tried again.
    Failed {
        /// The name of the projection.
        projection: &'a str,
        /// Whether it cannot get on without somebody's help: an event cannot be folded.
        is_stalled: bool,
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
