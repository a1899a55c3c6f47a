//! A store that records what is committed through it.

use crate::{Entry, Intent, Outcome, Recorder};
use idp_application::{BoxFuture, ChangeSet, Cost, Error, Store, delegate_port};
use idp_domain::EventRecord;
use std::sync::Arc;

/// Passes everything on to a store, and records each commit with events: before, with the outcome
/// unknown, and after, with the outcome. A commit that is dropped stays unknown.
pub struct Witnessed {
    store: Arc<dyn Store>,
    recorder: Recorder,
}

impl Witnessed {
    /// Records the commits of that store.
    pub fn new(store: Arc<dyn Store>, recorder: Recorder) -> Self {
        Self { store, recorder }
    }

    fn record(&self, intents: &[Intent], outcome: Outcome) {
        for intent in intents {
            self.recorder.record(Entry::Intent(Intent { outcome, ..intent.clone() }));
        }
    }
}

impl Store for Witnessed {
    delegate_port!(Store { fetch, count } => |this| this.store);

    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
        Box::pin(async move {
            let intents = intents_of(&changes);
            self.record(&intents, Outcome::Unknown);
            let result = self.store.commit(changes).await;
            match &result {
                Ok(_) => self.record(&intents, Outcome::Committed),
                Err(error) if error.is_outcome_unknown() => {}
                Err(_) => self.record(&intents, Outcome::RolledBack),
            }
            result
        })
    }
}

/// The events of the commit, by aggregate.
fn intents_of(changes: &ChangeSet) -> Vec<Intent> {
    let mut intents: Vec<Intent> = Vec::new();
    for event in &changes.events {
        let (aggregate, version) = (event.envelope.aggregate_id, event.envelope.aggregate_version);
        let intent = match intents.iter().position(|intent| intent.aggregate == aggregate) {
            Some(at) => &mut intents[at],
            None => {
                let (tenant, outcome) = (changes.tenant.clone(), Outcome::Unknown);
                let (events, scheduled) = (vec![], vec![]);
                intents.push(Intent { tenant, aggregate, version, events, scheduled, outcome });
                intents.last_mut().expect("one was pushed just now")
            }
        };
        intent.events.push(event.envelope.event_id);
        if event.envelope.metadata.contains_key(EventRecord::DELIVER_AT) {
            intent.scheduled.push(event.envelope.event_id);
        }
    }
    intents
}
