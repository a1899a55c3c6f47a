//! What holds the log, as the keepers of this process met it at their last purges.

use crate::families::{Gauges, Labels, second_gauges};
use idp_application::{PurgeBlock, WorkerId};
use prometheus_client::registry::Registry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// The gauge, and what each keeper told last.
pub(crate) struct HeldUp {
    seconds: Gauges,
    told: Mutex<HashMap<WorkerId, (Holder, u64)>>,
}

/// By what kind of thing, and of which name if it has one.
type Holder = (&'static str, String);

impl HeldUp {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let seconds = second_gauges(registry, "keeper_held_up", "How long the log has been held");
        Self { seconds, told: Mutex::default() }
    }

    /// That keeper met this; nothing when the log was held by nothing, or the keeper has ended. What it
    /// told before is gone, unless another one tells the same.
    pub(crate) fn tell(&self, worker: WorkerId, by: Option<&PurgeBlock>, seconds: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = longest(&told);
        match by {
            Some(by) => told.insert(worker, (holder(by), seconds)),
            None => told.remove(&worker),
        };
        let now = longest(&told);
        for (holder, seconds) in &now {
            #[expect(clippy::cast_precision_loss, reason = "2^52 seconds are long")]
            self.seconds.get_or_create(&labels(holder)).set(*seconds as f64);
        }
        for holder in before.keys().filter(|holder| !now.contains_key(*holder)) {
            self.seconds.remove(&labels(holder));
        }
    }
}

fn longest(told: &HashMap<WorkerId, (Holder, u64)>) -> BTreeMap<Holder, u64> {
    let mut longest = BTreeMap::new();
    for (holder, seconds) in told.values() {
        let known = longest.entry(holder.clone()).or_default();
        *known = (*seconds).max(*known);
    }
    longest
}

fn labels((kind, name): &Holder) -> Labels {
    vec![("kind", (*kind).to_owned()), ("name", name.clone())]
}

fn holder(by: &PurgeBlock) -> Holder {
    let (kind, name) = match by {
        PurgeBlock::NoReader => ("no_reader", ""),
        PurgeBlock::Reader(lagging) => ("reader", lagging.reader.as_str()),
        PurgeBlock::Hold(hold) => ("hold", hold.name.as_str()),
        PurgeBlock::Policy => ("policy", ""),
        PurgeBlock::Limit => ("limit", ""),
        PurgeBlock::Locked => ("lock", ""),
        PurgeBlock::LateCommit => ("late_commit", ""),
    };
    (kind, name.to_owned())
}
