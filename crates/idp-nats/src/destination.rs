//! The JetStream streams that topics are in, as the server has them configured.

use crate::link::Connection;
use crate::pace::Pace;
use crate::post::HEADER_BYTES_MAX;
use crate::{Deduplication, NatsConfig};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use idp_application::{BusGuarantees, Duplicates, Error, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All of them.
#[derive(Debug)]
pub(crate) struct Destinations(Vec<Arc<Destination>>);

/// One JetStream stream.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) name: String,
    subjects: Vec<String>,
    /// How many bytes a message may have, with its headers.
    pub(crate) message_bytes_max: Option<usize>,
    /// Whether it refuses messages when it is full, and takes them again when it is not.
    pub(crate) pushes_back: bool,
    /// What becomes of duplicates in it.
    duplicates: Duplicates,
    pace: Mutex<Pace>,
}

impl Destinations {
    /// Asks the server for them, and says what is wrong with them. A stream that is gone is left
    /// out.
    pub(crate) async fn ask(
        connection: &Connection,
        config: &NatsConfig,
    ) -> Result<(Self, Vec<String>), Error> {
        let (mut destinations, mut faults) = (Vec::new(), Vec::new());
        for name in &config.streams {
            match connection.jetstream().get_stream(name).await {
                Ok(stream) => {
                    let found = &stream.cached_info().config;
                    faults.extend(stream_faults(found, config.deduplication));
                    destinations.push(Arc::new(Destination::of(found, config)));
                }
                Err(error) if is_missing(&error) => {
                    faults.push(format!("the JetStream stream {name:?} does not exist"));
                }
                Err(error) => {
                    let message = format!("the JetStream stream {name:?} cannot be asked for");
                    return Err(Error::new(ErrorKind::Unavailable, "ask JetStream", message)
                        .with_source(error));
                }
            }
        }
        Ok((Self(destinations), faults))
    }

    /// The stream that has the subject, if one has.
    pub(crate) fn of(&self, subject: &str) -> Option<&Arc<Destination>> {
        self.0.iter().find(|destination| destination.has(subject))
    }

    /// What holds on all of them, on a server that takes messages of so many bytes.
    pub(crate) fn guarantees(&self, config: &NatsConfig, payload_max: usize) -> BusGuarantees {
        let duplicates = self.0.iter().map(|destination| destination.duplicates);
        let duplicates = duplicates.fold(Duplicates::Never, weaker);
        let fences_zombies = config.deduplication == Deduplication::Strict
            && config.marks_takeovers
            && duplicates == Duplicates::Never;
        let bounds = self.0.iter().filter_map(|destination| destination.message_bytes_max);
        let message_bytes_max = bounds.fold(payload_max, usize::min);
        let header_bytes = HEADER_BYTES_MAX.min(message_bytes_max / 8);
        let data_bytes_max = Some(message_bytes_max - header_bytes);
        BusGuarantees { duplicates, fences_zombies, data_bytes_max }
    }
}

fn weaker(one: Duplicates, other: Duplicates) -> Duplicates {
    match (one, other) {
        (Duplicates::Possible, _) | (_, Duplicates::Possible) => Duplicates::Possible,
        (Duplicates::NeverWithin(one), Duplicates::NeverWithin(other)) => {
            Duplicates::NeverWithin(one.min(other))
        }
        (Duplicates::Never, weaker) | (weaker, Duplicates::Never) => weaker,
    }
}

impl Destination {
    fn of(found: &Config, config: &NatsConfig) -> Self {
        let size = usize::try_from(found.max_message_size).ok().filter(|size| *size > 0);
        let pushes_back = found.discard == DiscardPolicy::New;
        let room = usize::try_from(found.max_bytes).ok().filter(|room| *room > 0 && pushes_back);
        Self {
            name: found.name.clone(),
            subjects: found.subjects.clone(),
            message_bytes_max: [size, room].into_iter().flatten().min(),
            pushes_back,
            duplicates: duplicates(found, config.deduplication),
            pace: Mutex::new(Pace::new(config.in_flight_max)),
        }
    }

    fn has(&self, subject: &str) -> bool {
        self.subjects.iter().any(|pattern| matches(pattern, subject))
    }

    pub(crate) fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// With several replicas, the leader compares before it proposes, and a change of leaders in between
/// lets two messages through (nats-io/nats-server#8469).
fn duplicates(found: &Config, mode: Deduplication) -> Duplicates {
    match mode {
        Deduplication::Window => Duplicates::NeverWithin(found.duplicate_window),
        Deduplication::Strict if found.num_replicas > 1 => Duplicates::Possible,
        Deduplication::Strict if found.max_age.is_zero() => Duplicates::Never,
        Deduplication::Strict => Duplicates::NeverWithin(found.max_age),
    }
}

fn stream_faults(found: &Config, mode: Deduplication) -> Vec<String> {
    let is_bounded = found.max_messages > 0 || found.max_bytes > 0;
    let is_strict = mode == Deduplication::Strict;
    let faults = [
        (found.mirror.is_some(), "is a mirror"),
        (found.no_ack, "must have `no_ack` off: nothing would be acknowledged"),
        (
            is_strict && found.retention != RetentionPolicy::Limits,
            "must have the retention `limits` for `Deduplication::Strict`: the last message of a \
             subject would not be kept",
        ),
        (
            is_strict && is_bounded && found.discard == DiscardPolicy::Old,
            "must discard `new` if it has `max_msgs` or `max_bytes`, for `Deduplication::Strict`: \
             the last message of a subject would not be kept (`max_msgs_per_subject` does keep it)",
        ),
    ];
    let faults = faults.into_iter().filter_map(|(is_wrong, fault)| is_wrong.then_some(fault));
    faults.map(|fault| format!("the JetStream stream {:?} {fault}", found.name)).collect()
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error)
        if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Whether a subject is one of those that a pattern with `*` and `>` stands for. A subject with
/// wildcards or empty tokens of its own never is.
fn matches(pattern: &str, subject: &str) -> bool {
    let is_literal = |token: &str| {
        !token.is_empty() && token != "*" && token != ">" && !token.contains(char::is_whitespace)
    };
    if !subject.split('.').all(is_literal) {
        return false;
    }
    let (mut patterns, mut tokens) = (pattern.split('.'), subject.split('.'));
    loop {
        match (patterns.next(), tokens.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some(pattern), Some(token)) if pattern == "*" || pattern == token => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn subjects_match_as_on_the_server() {
        let yes = [("a", "a"), ("a.*", "a.b"), ("a.>", "a.b.c"), ("*.b", "a.b"), (">", "a")];
        let no = [
            ("a", "b"),
            ("a", "a.b"),
            ("a.*", "a"),
            ("a.*", "a.b.c"),
            ("a.>", "a"),
            ("a.*", "a.*"),
            ("a.>", "a."),
            ("a.>", "a.b c"),
        ];
        assert!(yes.iter().all(|(pattern, subject)| matches(pattern, subject)));
        assert!(no.iter().all(|(pattern, subject)| !matches(pattern, subject)));
    }

    #[test]
    fn what_a_stream_promises_follows_from_its_configuration() {
        let second = Duration::from_secs(1);
        let found = |max_age, num_replicas| Config {
            duplicate_window: 2 * second,
            max_age,
            num_replicas,
            ..Config::default()
        };
        let (window, strict) = (Deduplication::Window, Deduplication::Strict);
        let promises = [
            (duplicates(&found(Duration::ZERO, 1), window), Duplicates::NeverWithin(2 * second)),
            (duplicates(&found(Duration::ZERO, 1), strict), Duplicates::Never),
            (duplicates(&found(second, 1), strict), Duplicates::NeverWithin(second)),
            (duplicates(&found(Duration::ZERO, 3), strict), Duplicates::Possible),
        ];
        assert!(promises.iter().all(|(found, expected)| found == expected), "{promises:?}");
        let weakest =
            promises.iter().map(|(found, _)| *found).take(3).fold(Duplicates::Never, weaker);
        assert_eq!(weakest, Duplicates::NeverWithin(second));
    }

    #[test]
    fn a_stream_that_forgets_the_last_message_of_a_subject_is_no_place_for_strict_mode() {
        let faults = |found: Config| stream_faults(&found, Deduplication::Strict).len();
        let plain = Config { name: "S".to_owned(), ..Config::default() };
        assert_eq!(faults(plain.clone()), 0);
        assert_eq!(faults(Config { retention: RetentionPolicy::WorkQueue, ..plain.clone() }), 1);
        assert_eq!(faults(Config { max_bytes: 1, ..plain.clone() }), 1);
        assert_eq!(
            faults(Config { max_bytes: 1, discard: DiscardPolicy::New, ..plain.clone() }),
            0
        );
        assert_eq!(faults(Config { max_messages_per_subject: 9, ..plain.clone() }), 0);
        assert_eq!(faults(Config { no_ack: true, ..plain }), 1);
    }
}
