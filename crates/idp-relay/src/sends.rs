//! The sends that are under way, each in a task of its own.

use crate::Target;
use crate::worker::{Send, SendOutcome, Ticket};
use idp_application::{Error, ErrorKind, Lane, PublishError, PublishFailure};
use std::collections::HashMap;
use std::time::Instant;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

/// Runs sends. Dropping it aborts them.
pub(crate) struct Sends {
    target: Target,
    tasks: JoinSet<SendOutcome>,
    running: HashMap<Id, Running>,
}

struct Running {
    lane: Lane,
    epoch: i64,
    abort: AbortHandle,
}

impl Sends {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, tasks: JoinSet::new(), running: HashMap::new() }
    }

    pub(crate) fn start(&mut self, send: Send) {
        let (lane, epoch) = (send.ticket.lane, send.ticket.epoch);
        let abort = self.tasks.spawn(run(self.target.clone(), send));
        self.running.insert(abort.id(), Running { lane, epoch, abort });
    }

    /// Stops sending in a lane: what is not on the wire yet stays here.
    pub(crate) fn abort(&self, lane: Lane) {
        self.running.values().filter(|running| running.lane == lane).for_each(|running| {
            running.abort.abort();
        });
    }

    /// A send that has ended, if one has.
    pub(crate) fn try_ended(&mut self) -> Option<SendOutcome> {
        let joined = self.tasks.try_join_next_with_id()?;
        Some(self.outcome(joined))
    }

    /// The next send to end; never, when none is under way. Safe to drop and call again.
    pub(crate) async fn ended(&mut self) -> SendOutcome {
        match self.tasks.join_next_with_id().await {
            Some(joined) => self.outcome(joined),
            None => std::future::pending().await,
        }
    }

    fn outcome(&mut self, joined: Result<(Id, SendOutcome), JoinError>) -> SendOutcome {
        match joined {
            Ok((id, outcome)) => {
                self.running.remove(&id);
                outcome
            }
            Err(e) => {
                let id = e.id();
                let running = self.running.remove(&id).expect("every task is entered at its start");
                let error =
                    Error::new(ErrorKind::Unavailable, "publish", "the send was broken off")
                        .with_source(e);
                Ticket::lost(running.lane, running.epoch, error)
            }
        }
    }
}

/// Publishes until the send must have ended.
async fn run(target: Target, send: Send) -> SendOutcome {
    let Send { messages, until, ticket } = send;
    if now() >= until {
        // The task started late. Nothing may be sent any more.
        return ticket.outcome(Some(too_late("the lease had ended before")));
    }
    let until = tokio::time::Instant::from_std(until);
    let answer = tokio::time::timeout_at(until, target.publish(messages)).await;
    let answer = answer.unwrap_or_else(|_| Err(too_late("the bus did not answer in time")));
    ticket.outcome(answer.err())
}

fn too_late(message: &str) -> PublishError {
    let error = Error::new(ErrorKind::Timeout, "publish", message).with_outcome_unknown();
    PublishError { accepted: 0, failure: PublishFailure::Unavailable, error }
}

/// The monotonic clock of the runtime.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
