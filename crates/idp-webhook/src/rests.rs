//! Spares endpoints that are in trouble, each on its own: one that asks for it for as long as it asks,
//! and one that fails again and again for longer each time, with one request in between to see whether
//! it is back.
//!
//! The relay knows the target as a whole, which may have endpoints of many subscribers: that one of
//! them is away says nothing about the others.

use crate::EndpointUrl;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// After so many failures in a row an endpoint is spared.
const FAILURES_MAX: u32 = 5;
/// For how long, at first and at the most, if it does not say so itself.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// What failed so long ago, and was not tried since, is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);

/// The endpoints that failed last, as far as this process saw it. Holds one entry for each of them, for
/// an hour after it is tried again at the most.
#[derive(Debug, Default)]
pub(crate) struct Rests(Mutex<HashMap<Arc<str>, Rest>>);

#[derive(Debug)]
struct Rest {
    /// A new URL begins anew.
    url: EndpointUrl,
    failures: u32,
    /// Nothing is sent before.
    until: Instant,
}

impl Rests {
    /// Whether a request may be made now. If not, in how much time. When an endpoint was spared, the
    /// first who asks after that tries it, and the others wait for as long as that may take.
    pub(crate) fn ask(
        &self,
        endpoint: &str,
        url: &EndpointUrl,
        request_timeout: Duration,
    ) -> Result<(), Duration> {
        let mut rests = self.rests();
        let Some(rest) = rests.get_mut(endpoint).filter(|rest| rest.url == *url) else {
            return Ok(());
        };
        let now = Instant::now();
        if now < rest.until {
            return Err(rest.until - now);
        }
        if rest.failures >= FAILURES_MAX {
            rest.until = now + request_timeout;
        }
        Ok(())
    }

    /// It answered.
    pub(crate) fn answered(&self, endpoint: &str) {
        self.rests().remove(endpoint);
    }

    /// It failed, and asks to be spared for so long if it says so.
    pub(crate) fn failed(&self, endpoint: &Arc<str>, url: &EndpointUrl, asked: Option<Duration>) {
        let mut rests = self.rests();
        let now = Instant::now();
        rests.retain(|_, rest| now.saturating_duration_since(rest.until) < FORGOTTEN_AFTER);
        let fresh = || Rest { url: url.clone(), failures: 0, until: now };
        let rest = rests.entry(Arc::clone(endpoint)).or_insert_with(fresh);
        if rest.url != *url {
            *rest = fresh();
        }
        rest.failures = rest.failures.saturating_add(1);
        let own = rest.failures.checked_sub(FAILURES_MAX).map(pause_after);
        rest.until = now + asked.or(own).unwrap_or_default();
    }

    fn rests(&self) -> MutexGuard<'_, HashMap<Arc<str>, Rest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause_after(doublings: u32) -> Duration {
    PAUSE_MIN.saturating_mul(2_u32.saturating_pow(doublings)).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const TRY: Duration = Duration::from_secs(3);
    const SECOND: Duration = Duration::from_secs(1);

    fn url(text: &str) -> EndpointUrl {
        EndpointUrl::parse(text).expect("a URL")
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_is_spared_for_as_long_as_it_asks_and_others_are_not() {
        let (rests, url) = (Rests::default(), url("https://a.example/"));
        rests.failed(&"a".into(), &url, Some(SECOND * 60));
        assert_eq!(rests.ask("a", &url, TRY), Err(SECOND * 60));
        assert_eq!(rests.ask("b", &url, TRY), Ok(()));
        advance(SECOND * 60).await;
        assert_eq!(rests.ask("a", &url, TRY), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_fails_again_and_again_is_tried_by_one_at_a_time_and_ever_less_often() {
        let (rests, url) = (Rests::default(), url("https://a.example/"));
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert_eq!(rests.ask("a", &url, TRY), Ok(()));
            rests.failed(&"a".into(), &url, None);
            let pause = rests.ask("a", &url, TRY).err().unwrap_or_default();
            pauses.push(pause.as_secs());
            advance(pause).await;
        }
        assert_eq!(pauses, [0, 0, 0, 0, 1, 2, 4, 8, 10, 10]);
        assert_eq!(rests.ask("a", &url, TRY), Ok(()));
        assert_eq!(rests.ask("a", &url, TRY), Err(TRY), "another one tries it");
        rests.answered("a");
        assert_eq!(rests.ask("a", &url, TRY), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_url_is_tried_at_once_and_what_was_long_ago_is_forgotten() {
        let (rests, old, new) =
            (Rests::default(), url("https://a.example/"), url("https://a.example/new"));
        rests.failed(&"a".into(), &old, Some(SECOND * 60));
        assert_eq!(rests.ask("a", &new, TRY), Ok(()));
        advance(SECOND * 60 + FORGOTTEN_AFTER).await;
        rests.failed(&"b".into(), &new, None);
        assert_eq!(rests.rests().len(), 1);
    }
}
