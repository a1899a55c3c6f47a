//! The producers that a stream has open, each with what it has under way.

use crate::producer::Producer;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many producers a stream has open at the most. Brokers hold something for each, and bound how
/// many a topic may have.
pub(crate) const OUTLETS_MAX: usize = 200;

/// A producer with what it has under way.
pub(crate) struct Outlet {
    pub(crate) producer: Producer,
    /// Which messages of the present call wait for the broker, in order.
    pub(crate) under_way: VecDeque<usize>,
    /// The highest number that the partition is known to have.
    pub(crate) last: i64,
    /// Whether it is certain that the partition drops duplicates.
    pub(crate) is_proven: bool,
}

/// Where an outlet leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Way {
    /// As messages name it.
    pub(crate) topic: Arc<str>,
    /// 0 if there are none.
    pub(crate) partition: u32,
    /// Of how many it was chosen; `None` if that makes no difference.
    pub(crate) among: Option<u32>,
}

/// Which outlet, for as long as the session lasts: no number is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OutletId(u64);

/// The open outlets. Those that were not used for the longest time make room for others.
#[derive(Default)]
pub(crate) struct Outlets {
    open: HashMap<OutletId, Used>,
    ways: HashMap<Way, OutletId>,
    producers: HashMap<u64, OutletId>,
    /// Counts uses.
    clock: u64,
    last_id: u64,
}

struct Used {
    outlet: Outlet,
    way: Way,
    at: u64,
}

impl Outlets {
    /// The outlet that leads there, which is used now.
    pub(crate) fn find(&mut self, way: &Way) -> Option<OutletId> {
        let id = *self.ways.get(way)?;
        self.clock += 1;
        self.open.get_mut(&id)?.at = self.clock;
        Some(id)
    }

    /// The outlet of the producer of that number, if it is still open.
    pub(crate) fn of_producer(&self, producer: u64) -> Option<OutletId> {
        self.producers.get(&producer).copied()
    }

    /// An outlet that is known to be open: something is under way in it, or it was found just now.
    pub(crate) fn get_mut(&mut self, id: OutletId) -> &mut Outlet {
        &mut self.open.get_mut(&id).expect("it is open while it is in use").outlet
    }

    /// Whether another one can be opened now.
    pub(crate) fn has_room(&self) -> bool {
        self.open.len() < OUTLETS_MAX || self.oldest_idle().is_some()
    }

    /// Whether something leads to that topic that was chosen among another number of partitions.
    pub(crate) fn has_other_choice(&self, way: &Way) -> bool {
        self.ways.keys().any(|open| open.topic == way.topic && open.among != way.among)
    }

    /// Closes what nothing is under way in and was not used for the longest time, if there are too many.
    pub(crate) fn make_room(&mut self) {
        while self.open.len() >= OUTLETS_MAX {
            let Some(id) = self.oldest_idle() else { return };
            self.close(id);
        }
    }

    /// Closes those of which it is not certain what their partition has.
    pub(crate) fn close_uncertain(&mut self) {
        let is_certain = |outlet: &Outlet| outlet.under_way.is_empty() && outlet.is_proven;
        let uncertain = self.open.iter().filter(|(_, used)| !is_certain(&used.outlet));
        let uncertain: Vec<_> = uncertain.map(|(id, _)| *id).collect();
        uncertain.into_iter().for_each(|id| self.close(id));
    }

    /// Closes the outlet of the producer of that number, if there is one.
    pub(crate) fn close_producer(&mut self, producer: u64) {
        if let Some(id) = self.of_producer(producer) {
            self.close(id);
        }
    }

    pub(crate) fn add(&mut self, way: Way, outlet: Outlet) -> OutletId {
        self.clock += 1;
        self.last_id += 1;
        let (id, at) = (OutletId(self.last_id), self.clock);
        self.producers.insert(outlet.producer.id(), id);
        self.ways.insert(way.clone(), id);
        self.open.insert(id, Used { outlet, way, at });
        id
    }

    /// Its producer was opened again, and had that number before.
    pub(crate) fn reopened(&mut self, id: OutletId, before: u64) {
        self.producers.remove(&before);
        let producer = self.get_mut(id).producer.id();
        self.producers.insert(producer, id);
    }

    fn close(&mut self, id: OutletId) {
        if let Some(Used { way, .. }) = self.open.remove(&id) {
            self.ways.remove(&way);
            self.producers.retain(|_, of| *of != id);
        }
    }

    fn oldest_idle(&self) -> Option<OutletId> {
        let idle = self.open.iter().filter(|(_, used)| used.outlet.under_way.is_empty());
        idle.min_by_key(|(_, used)| used.at).map(|(id, _)| *id)
    }
}
