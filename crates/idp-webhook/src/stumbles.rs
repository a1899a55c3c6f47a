//! Tells an event that an endpoint trips over from an endpoint that is down.
//!
//! Both answer `500`. The difference shows in what happens to other events: an endpoint that goes on
//! taking them is not down.

use idp_application::Stream;
use idp_domain::Uuid;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// What an endpoint tripped over, as far as this process saw it. Holds one entry a stream and one an
/// endpoint.
#[derive(Debug)]
pub(crate) struct Stumbles {
    /// How often an event may be tripped over; 0 is for ever.
    max: u32,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// When an endpoint last took an event.
    taken: HashMap<Arc<str>, Instant>,
    /// What each stream stands at.
    standing: HashMap<Arc<Stream>, Stumble>,
}

#[derive(Debug)]
struct Stumble {
    event: Uuid,
    times: u32,
    since: Instant,
}

impl Stumbles {
    pub(crate) fn new(max: u32) -> Self {
        Self { max, seen: Mutex::default() }
    }

    /// The endpoint took an event of the stream.
    pub(crate) fn taken(&self, endpoint: &Arc<str>, stream: &Arc<Stream>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.standing.remove(stream);
        seen.taken.insert(Arc::clone(endpoint), Instant::now());
    }

    /// The endpoint tripped over the event. Says whether the event is to blame.
    pub(crate) fn stumbled(&self, endpoint: &str, stream: &Arc<Stream>, event: Uuid) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Seen { taken, standing } = &mut *seen;
        let fresh = || Stumble { event, times: 0, since: Instant::now() };
        let stumble = standing.entry(Arc::clone(stream)).or_insert_with(fresh);
        if stumble.event != event {
            *stumble = fresh();
        }
        stumble.times = stumble.times.saturating_add(1);
        let others_pass = taken.get(endpoint).is_some_and(|taken| *taken > stumble.since);
        let is_to_blame = self.max > 0 && stumble.times >= self.max && others_pass;
        if is_to_blame {
            standing.remove(stream);
        }
        is_to_blame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::{Lane, Track};
    use std::time::Duration;

    fn stream(lane: i16) -> Arc<Stream> {
        let (target, lane) = ("t".into(), Lane::from_number(lane));
        Arc::new(Stream { target, lane, track: Track::Main })
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_is_to_blame_only_when_the_endpoint_takes_others() {
        let (stumbles, endpoint, event) = (Stumbles::new(3), "e".into(), Uuid::from_u128(1));
        stumbles.taken(&endpoint, &stream(1));
        let stumbled = || stumbles.stumbled("e", &stream(0), event);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!((0..5).all(|_| !stumbled()), "nothing else was taken since");
        tokio::time::advance(Duration::from_secs(1)).await;
        stumbles.taken(&"another".into(), &stream(2));
        assert!(!stumbled(), "that was another endpoint");
        stumbles.taken(&endpoint, &stream(1));
        assert!(stumbled());
        assert!(!stumbled(), "it is counted afresh when it is sent again");
    }

    #[tokio::test(start_paused = true)]
    async fn each_event_is_counted_on_its_own() {
        let (stumbles, endpoint) = (Stumbles::new(2), "e".into());
        assert!(!stumbles.stumbled("e", &stream(0), Uuid::from_u128(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        stumbles.taken(&endpoint, &stream(1));
        assert!(!stumbles.stumbled("e", &stream(0), Uuid::from_u128(2)));
        assert!(!Stumbles::new(0).stumbled("e", &stream(0), Uuid::from_u128(2)));
    }
}
