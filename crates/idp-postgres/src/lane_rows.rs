//! Where the rows of `idp_reader_lane` lay when this store wrote them last (`sql/idp_advance.sql`). What
//! is remembered may be wrong at any time: it only saves looking them up.

use idp_application::{Lane, LaneProgress};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// A place that no row has.
const NOWHERE: &str = "(0,0)";

/// By reader and lane, as many as the readers of this store have lanes.
#[derive(Default)]
pub(crate) struct LaneRows(Mutex<HashMap<String, HashMap<Lane, String>>>);

impl LaneRows {
    /// The places of the rows of these lanes, one for each.
    pub(crate) fn places(&self, reader: &str, progress: &[LaneProgress]) -> Vec<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_reader = known.get(reader);
        let place = |progress: &LaneProgress| {
            let place = of_reader.and_then(|places| places.get(&progress.lane));
            place.map_or_else(|| NOWHERE.to_owned(), Clone::clone)
        };
        progress.iter().map(place).collect()
    }

    pub(crate) fn remember(&self, reader: &str, places: impl Iterator<Item = (Lane, String)>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get_mut(reader) {
            Some(known) => known.extend(places),
            None => drop(known.insert(reader.to_owned(), places.collect())),
        }
    }
}
