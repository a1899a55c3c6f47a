//! The sessions of a bus, one a stream.

use crate::Access;
use crate::session::Session;
use idp_application::{Lane, Message, Track};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as TurnTaking, OwnedMutexGuard};
use tokio::time::Instant;

#[derive(Default)]
pub(crate) struct Streams(Mutex<HashMap<Key, Arc<Place>>>);

/// What is left connected of a stream; who locks it has the turn to publish.
type Place = TurnTaking<Option<Resting>>;

/// A session, and since when nobody uses it.
struct Resting {
    session: Session,
    since: Instant,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    target: Arc<str>,
    lane: Lane,
    /// Where a partition has one producer, the tracks of a lane take turns.
    track: Option<Track>,
}

impl Streams {
    /// Waits for the turn of the message's stream.
    pub(crate) async fn turn(&self, message: &Message, access: Access) -> Turn {
        Turn { place: self.place(message, access).lock_owned().await, is_over: false }
    }

    /// Closes what nobody used for so long. What is being opened counts as used.
    pub(crate) fn close_idle(&self, idle: Duration) {
        self.places().retain(|_, place| {
            let Ok(mut resting) = place.try_lock() else {
                return true;
            };
            if let Some(resting) = resting.as_mut().filter(|resting| resting.session.is_opening()) {
                resting.since = Instant::now();
            }
            if resting.as_ref().is_some_and(|resting| resting.since.elapsed() >= idle) {
                *resting = None;
            }
            resting.is_some() || Arc::strong_count(place) > 1
        });
    }

    fn place(&self, message: &Message, access: Access) -> Arc<Place> {
        let stream = &message.stream;
        let track = (access == Access::Shared).then(|| stream.track.clone());
        let key = Key { target: stream.target.clone(), lane: stream.lane, track };
        self.places().entry(key).or_default().clone()
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Key, Arc<Place>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn to publish to a stream. One that is dropped before it is over was given up: what then is
/// not certain of the session is closed, the rest is left to the next turn.
pub(crate) struct Turn {
    place: OwnedMutexGuard<Option<Resting>>,
    is_over: bool,
}

impl Turn {
    /// The session for the message. One that does not suit it is closed before.
    pub(crate) async fn session(&mut self, message: &Message, prefix: &str) -> &mut Session {
        if self.place.as_ref().is_some_and(|resting| !resting.session.suits(message)) {
            self.close().await;
        }
        let new = || Resting { session: Session::new(message, prefix), since: Instant::now() };
        &mut self.place.get_or_insert_with(new).session
    }

    /// Closes the session: what is opened afterwards comes behind that.
    pub(crate) async fn close(&mut self) {
        if let Some(resting) = self.place.as_mut() {
            resting.session.end_openings().await;
        }
        *self.place = None;
    }

    /// The session rests.
    pub(crate) fn end(mut self) {
        self.is_over = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut resting) = self.place.take() else { return };
        if self.is_over || resting.session.is_left_certain() {
            resting.since = Instant::now();
            *self.place = Some(resting);
        }
    }
}
