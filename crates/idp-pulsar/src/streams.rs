//! The sessions of a bus, one a stream.

use crate::Access;
use crate::session::Session;
use idp_application::{Lane, Message, Track};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as Turn;
use tokio::time::Instant;

#[derive(Default)]
pub(crate) struct Streams(Mutex<HashMap<Key, Arc<Place>>>);

/// The turn to publish to a stream, and what is left connected.
pub(crate) type Place = Turn<Option<Resting>>;

/// A session that nobody uses at the moment.
pub(crate) struct Resting {
    pub(crate) session: Session,
    pub(crate) since: Instant,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    target: Arc<str>,
    lane: Lane,
    /// Where a partition has one producer, the tracks of a lane take turns.
    track: Option<Track>,
}

impl Streams {
    /// The place of the message's stream.
    pub(crate) fn place(&self, message: &Message, access: Access) -> Arc<Place> {
        let stream = &message.stream;
        let track = (access == Access::Shared).then(|| stream.track.clone());
        let key = Key { target: stream.target.clone(), lane: stream.lane, track };
        self.places().entry(key).or_default().clone()
    }

    /// Closes what nobody used for so long.
    pub(crate) fn close_idle(&self, idle: Duration) {
        self.places().retain(|_, place| {
            let Ok(mut resting) = place.try_lock() else {
                return true;
            };
            if resting.as_ref().is_some_and(|resting| resting.since.elapsed() >= idle) {
                *resting = None;
            }
            resting.is_some() || Arc::strong_count(place) > 1
        });
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Key, Arc<Place>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
