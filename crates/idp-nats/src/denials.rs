//! What the server says about subjects that may not be published to: it says so beside the
//! acknowledgements, which then never come.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How many subjects are remembered.
const SUBJECTS_MAX: usize = 1_000;

/// When each subject was denied last on one connection.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    heard: Mutex<Heard>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Heard {
    count: u64,
    /// The number of the last denial of each subject.
    last: HashMap<String, u64>,
}

impl Denials {
    /// Takes note of an error of the server, if it is one about a subject.
    pub(crate) fn hear(&self, error: &str) {
        let Some(subject) = denied_subject(error) else {
            return;
        };
        let mut heard = self.heard();
        if heard.last.len() >= SUBJECTS_MAX {
            heard.last.clear();
        }
        heard.count += 1;
        let count = heard.count;
        heard.last.insert(subject.to_owned(), count);
        drop(heard);
        self.news.notify_waiters();
    }

    /// How many denials there were so far.
    pub(crate) fn count(&self) -> u64 {
        self.heard().count
    }

    /// Which of the subjects were denied after so many denials.
    pub(crate) fn since<'s>(
        &self,
        count: u64,
        subjects: impl Iterator<Item = &'s str>,
    ) -> Vec<usize> {
        let heard = self.heard();
        if heard.count == count {
            return Vec::new();
        }
        let is_denied = |subject: &str| heard.last.get(subject).is_some_and(|last| *last > count);
        subjects.enumerate().filter_map(|(i, subject)| is_denied(subject).then_some(i)).collect()
    }

    /// Waits for the next denial from when it was called.
    pub(crate) fn next(&self) -> tokio::sync::futures::Notified<'_> {
        self.news.notified()
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn denied_subject(error: &str) -> Option<&str> {
    let (_, rest) = error.split_once("Permissions Violation for Publish to \"")?;
    rest.split_once('"').map(|(subject, _)| subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_concerns_its_subject_and_what_was_sent_before() {
        let denials = Denials::default();
        let subjects = || ["orders.placed", "other"].into_iter();
        denials.hear("Permissions Violation for Publish to \"orders.placed\"");
        denials.hear("Permissions Violation for Subscription to \"other\"");
        assert_eq!(denials.since(0, subjects()), [0]);
        assert!(denials.since(denials.count(), subjects()).is_empty());
    }
}
