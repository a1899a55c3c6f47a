//! The sends that are under way, each in a task of its own.

use crate::Target;
use crate::gone::Gone;
use crate::send_span;
use crate::worker::{Send, SendOutcome, Ticket};
use idp_application::{
    Audience, Error, ErrorKind, Lane, Message, PublishError, PublishFailure, RelayObserver,
    RelaySeen, SendSeen,
};
use std::collections::HashMap;
use std::time::Instant;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tracing::Instrument;

/// Runs sends. Dropping it aborts them.
pub(crate) struct Sends {
    target: Target,
    audience: Audience<dyn RelayObserver>,
    tasks: JoinSet<SendOutcome>,
    running: HashMap<Id, Running>,
}

struct Running {
    lane: Lane,
    epoch: i64,
    abort: AbortHandle,
}

impl Sends {
    pub(crate) fn new(target: Target, audience: Audience<dyn RelayObserver>) -> Self {
        Self { target, audience, tasks: JoinSet::new(), running: HashMap::new() }
    }

    pub(crate) fn start(&mut self, send: Send) {
        let (lane, epoch) = (send.ticket.lane, send.ticket.epoch);
        let abort = self.tasks.spawn(run(self.target.clone(), self.audience.clone(), send));
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
                // Broken off because the lane is lost, it says nothing of the bus.
                let failure = match e.is_cancelled() {
                    true => PublishFailure::Fenced,
                    false => PublishFailure::Unavailable,
                };
                let error =
                    Error::new(ErrorKind::Unavailable, "publish", "the send was broken off")
                        .with_source(e);
                Ticket::lost(running.lane, running.epoch, failure, error)
            }
        }
    }
}

/// Publishes until the send must have ended, and tells who observes it.
async fn run(target: Target, audience: Audience<dyn RelayObserver>, send: Send) -> SendOutcome {
    let Send { mut messages, until, ticket } = send;
    let span = send_span::of(&target, &messages);
    let began = now();
    let mut gone = Gone::default();
    let publishing = publish(&target, &mut messages, &mut gone, until).instrument(span.clone());
    let answer = publishing.await;
    let took = now().duration_since(began);
    send_span::ended(&span, answer.as_ref().err());
    audience.tell(|observer| {
        let (target, system, template) = target.signature();
        let failure = answer.as_ref().err().map(|refusal| refusal.failure);
        let accepted = answer.as_ref().map_or_else(|refusal| refusal.accepted, |()| usize::MAX);
        let (messages, accepted) = (&*messages, accepted.min(messages.len()));
        let seen = SendSeen { target, system, template, messages, accepted, failure, took };
        observer.observe(RelaySeen::Send(&seen));
    });
    ticket.outcome_but(&gone, answer.err())
}

async fn publish(
    target: &Target,
    messages: &mut Vec<Message>,
    gone: &mut Gone,
    until: Instant,
) -> Result<(), PublishError> {
    if now() >= until {
        // The task started late. Nothing may be sent any more.
        let error = Error::new(ErrorKind::Timeout, "publish", "the lease had ended before");
        return Err(PublishError { accepted: 0, failure: PublishFailure::Fenced, error });
    }
    let until = tokio::time::Instant::from_std(until);
    let answer = tokio::time::timeout_at(until, target.publish(messages, gone)).await;
    answer.unwrap_or_else(|_| Err(too_late()))
}

fn too_late() -> PublishError {
    let error = Error::new(ErrorKind::Timeout, "publish", "the bus did not answer in time");
    let error = error.with_outcome_unknown();
    PublishError { accepted: 0, failure: PublishFailure::Unavailable, error }
}

/// The monotonic clock of the runtime.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
