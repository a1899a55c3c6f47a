//! The copy of what was committed.

use idp_application::{BoxFuture, ChangeSet, Cost, Error, Store, delegate_port};
use idp_domain::{Envelope, Uuid};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Every event of every commit that was acknowledged.
#[derive(Clone, Default)]
pub(crate) struct Shadow {
    events: Arc<Mutex<BTreeMap<Uuid, Envelope>>>,
}

impl Shadow {
    pub(crate) fn events(&self) -> BTreeMap<Uuid, Envelope> {
        self.events.lock().expect("nobody panics with it").clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.events.lock().expect("nobody panics with it").len()
    }

    /// The store, with what is committed through it copied.
    pub(crate) fn of(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Shadowed { store, shadow: self.clone() })
    }
}

struct Shadowed {
    store: Arc<dyn Store>,
    shadow: Shadow,
}

impl Store for Shadowed {
    delegate_port!(Store { fetch, count } => |this| this.store);

    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
        Box::pin(async move {
            let events: Vec<_> = changes.events.iter().map(|e| e.envelope.clone()).collect();
            let cost = self.store.commit(changes).await?;
            let events = events.into_iter().map(|event| (event.event_id, event));
            self.shadow.events.lock().expect("nobody panics with it").extend(events);
            Ok(cost)
        })
    }
}
