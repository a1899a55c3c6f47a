//! The bus under test, with what it says about itself and which sends it left open on record.

use crate::failure::Outcome;
use crate::journal::{Line, Mark, append};
use idp_application::{
    BoxFuture, Duplicates, EventBus, Message, PublishError, WorkerId, delegate_port,
};
use idp_testkit::{Entry, Fault};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The bus of one worker.
pub(crate) struct Observed {
    bus: Arc<dyn EventBus>,
    worker: WorkerId,
    history: PathBuf,
    /// Lane and epoch of each tenure in which it was used.
    tenures: Mutex<HashSet<(i16, i64)>>,
}

impl Observed {
    /// Says in the history what the bus guarantees.
    pub(crate) fn new(bus: Arc<dyn EventBus>, worker: WorkerId, history: PathBuf) -> Outcome<Self> {
        let guarantees = bus.guarantees();
        let stores_once = guarantees.duplicates != Duplicates::Possible;
        let fences = guarantees.fences_zombies;
        append(&history, &Line::Mark { mark: Mark::Declared { stores_once, fences } })?;
        Ok(Self { bus, worker, history, tenures: Mutex::default() })
    }

    fn note(&self, line: &Line) {
        append(&self.history, line).expect("a history that lacks something must not go on");
    }

    /// The broker does not know who worked under an epoch.
    fn note_tenure(&self, first: &Message) {
        let (lane, epoch) = (first.stream.lane.number(), first.epoch);
        let is_new = {
            let mut tenures = self.tenures.lock().unwrap_or_else(PoisonError::into_inner);
            tenures.insert((lane, epoch))
        };
        if is_new {
            let mark = Mark::Tenure { worker: self.worker.0, lane, epoch };
            self.note(&Line::Mark { mark });
        }
    }
}

impl EventBus for Observed {
    delegate_port!(EventBus { system, guarantees } => |this| this.bus);

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            messages.first().iter().for_each(|first| self.note_tenure(first));
            let mut open = Open { observed: self, messages };
            let outcome = self.bus.publish(messages).await;
            let accepted = outcome.as_ref().err().map_or(messages.len(), |error| error.accepted);
            open.messages = messages.get(accepted..).unwrap_or_default();
            outcome
        })
    }
}

/// Messages that the bus may have stored or not. They are on record when the value goes, also when
/// the send is given up.
struct Open<'a> {
    observed: &'a Observed,
    messages: &'a [Message],
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let Some(first) = self.messages.first() else { return };
        let fault = Fault::AmbiguousSend {
            worker: self.observed.worker.0,
            lane: first.stream.lane.number(),
            epoch: first.epoch,
            messages: u64::try_from(self.messages.len()).unwrap_or(u64::MAX),
        };
        self.observed.note(&Line::Entry(Entry::Fault(fault)));
    }
}
