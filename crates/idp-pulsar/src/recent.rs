//! What was found out about topics not long ago.

use crate::topic::Topic;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// After how long it is asked again.
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(60);
/// How many topics are known at the most.
const TOPICS_MAX: usize = 10_000;

/// What is known of each topic, since when.
pub(crate) struct Recent<V>(Mutex<HashMap<Topic, (V, Instant)>>);

impl<V: Copy> Recent<V> {
    /// What is known, if it is not too old.
    pub(crate) fn get(&self, topic: &Topic) -> Option<V> {
        let known = self.known();
        known.get(topic).filter(|(_, since)| is_fresh(*since)).map(|(value, _)| *value)
    }

    /// This was just found out. When too much is known, what is too old makes room, and if nothing is,
    /// all does.
    pub(crate) fn insert(&self, topic: Topic, value: V) {
        let mut known = self.known();
        if known.len() >= TOPICS_MAX {
            known.retain(|_, (_, since)| is_fresh(*since));
        }
        if known.len() >= TOPICS_MAX {
            known.clear();
        }
        known.insert(topic, (value, Instant::now()));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Topic, (V, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

fn is_fresh(since: Instant) -> bool {
    since.elapsed() < KNOWN_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(number: usize) -> Topic {
        Topic::parse(&format!("topic-{number}")).expect("valid")
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_grow_for_ever_and_forgets_what_is_old_first() {
        let recent = Recent::default();
        (1..TOPICS_MAX).for_each(|number| recent.insert(topic(number), number));
        tokio::time::advance(KNOWN_FOR / 2).await;
        recent.insert(topic(0), 0);
        tokio::time::advance(KNOWN_FOR / 2).await;
        assert_eq!((recent.get(&topic(0)), recent.get(&topic(1))), (Some(0), None));
        recent.insert(topic(TOPICS_MAX), TOPICS_MAX);
        assert_eq!(recent.known().len(), 2);
        (1..=TOPICS_MAX).for_each(|number| recent.insert(topic(number), number));
        assert!(recent.known().len() <= TOPICS_MAX);
        assert_eq!(recent.get(&topic(TOPICS_MAX)), Some(TOPICS_MAX));
    }
}
