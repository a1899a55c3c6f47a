//! One look at everything: the copy, the log, the archive, and what each reader got.

use crate::reader::Follower;
use crate::run::Actors;
use crate::shadow::Shadow;
use idp_application::{Actor, Backend, KeepingAction, KeepingCommand, Sharding};
use idp_domain::{Envelope, Uuid};
use idp_keeper::{Archive, ArchiveSelection, ArchiveStore};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was seen.
#[derive(Default)]
pub(crate) struct Moment {
    /// What must not be.
    pub(crate) faults: BTreeSet<String>,
    /// Everything that was in the log or in the archive.
    pub(crate) seen: BTreeSet<Uuid>,
    /// How many events were in the log no more.
    pub(crate) dropped: usize,
}

impl Moment {
    /// In this order: what is committed after the first look is no matter, what is dropped after the
    /// second was archived before the last.
    pub(crate) async fn look(
        shadow: &Shadow,
        backend: &Arc<dyn Backend>,
        actors: &Actors,
        archive: &Arc<dyn ArchiveStore>,
    ) -> Self {
        let mut moment = Self::default();
        let committed = shadow.events();
        let log = moment.log(backend).await;
        let read: Vec<_> = actors.read();
        let archived = moment.archive(archive).await;
        let dropped: Vec<&Uuid> = committed.keys().filter(|id| !log.contains_key(id)).collect();
        moment.dropped = dropped.len();
        for id in dropped {
            if !archived.contains_key(id) {
                moment.fault("an event is neither in the log nor in the archive");
            }
            for (reader, read) in &read {
                if !read.contains(id) {
                    moment.fault(format!("an event was dropped that `{reader}` has not read"));
                }
            }
        }
        for (id, event) in archived.iter().chain(&log) {
            moment.seen.insert(*id);
            if committed.get(id).is_some_and(|committed| committed != event) {
                moment.fault("an event is not as it was committed");
            }
        }
        moment
    }

    fn fault(&mut self, text: impl Into<String>) {
        self.faults.insert(text.into());
    }

    /// Everything in the log, as a reader sees it that comes now and is forgotten afterwards.
    async fn log(&mut self, backend: &Arc<dyn Backend>) -> BTreeMap<Uuid, Envelope> {
        let mut probe = Follower::join(backend, PROBE, Sharding::Whole, 900).await;
        let before = probe.leases[0].sequence;
        let mut events = BTreeMap::new();
        loop {
            let batches = match backend.read(&probe.leases, 500).await {
                Ok(batches) => batches,
                Err(error) => {
                    self.fault(format!("what this look was to read was dropped: {error}"));
                    break;
                }
            };
            let has_more = batches.iter().any(|batch| batch.has_more);
            for batch in batches {
                probe.leases[0].cursor = batch.through;
                for event in batch.events {
                    let known = events.insert(event.envelope.event_id, event.envelope);
                    assert!(known.is_none(), "the log has an event twice");
                }
            }
            if !has_more {
                break;
            }
        }
        assert!(before >= 0);
        let action = KeepingAction::Forget { reader: PROBE.into(), is_forced: true };
        let (actor, reason) = (Actor::new("ann"), "it was a look".to_owned());
        let forget = KeepingCommand { actor, action, reason };
        backend.keep(&forget).await.expect("it is there");
        events
    }

    async fn archive(&mut self, store: &Arc<dyn ArchiveStore>) -> BTreeMap<Uuid, Envelope> {
        let archive = Archive::open(Arc::clone(store)).await.expect("the archive can be read");
        for gap in archive.gaps() {
            self.fault(format!("the archive lacks {gap:?}"));
        }
        let mut events = BTreeMap::new();
        let mut archived = archive.events_despite_gaps(ArchiveSelection::all());
        while let Some(event) = archived.next().await.expect("the archive is whole") {
            let id = event.envelope.event_id;
            if events.insert(id, event.envelope).is_some() {
                self.fault("the archive gives an event twice");
            }
        }
        events
    }
}

const PROBE: &str = "a look at the log";
