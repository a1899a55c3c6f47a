//! What failures mean for whoever publishes.

use idp_application::{BoxError, Error, ErrorKind, PublishError, PublishFailure};
use redis::RedisError;

/// Why the next message was not taken over.
#[derive(Debug)]
pub(crate) struct Stop {
    failure: PublishFailure,
    message: String,
    source: Option<BoxError>,
}

impl Stop {
    fn new(failure: PublishFailure, message: impl Into<String>) -> Self {
        Self { failure, message: message.into(), source: None }
    }

    fn unavailable(message: impl Into<String>) -> Self {
        Self::new(PublishFailure::Unavailable, message)
    }

    fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The error of a call that took over so many messages before.
    pub(crate) fn after(self, accepted: usize) -> PublishError {
        let kind = match self.failure {
            PublishFailure::Refused => ErrorKind::Invalid,
            PublishFailure::Fenced => ErrorKind::Conflict,
            PublishFailure::Unavailable
            | PublishFailure::Throttled(_)
            | PublishFailure::TopicUnavailable(_) => ErrorKind::Unavailable,
        };
        let mut error = Error::new(kind, "publish to Redis", self.message);
        if let Some(source) = self.source {
            error = error.with_source(source);
        }
        PublishError { accepted, failure: self.failure, error }
    }
}

pub(crate) fn too_large(bytes: usize, bytes_max: usize) -> Stop {
    let message = format!("the data has {bytes} bytes, the bus takes {bytes_max}");
    Stop::new(PublishFailure::Refused, message)
}

pub(crate) fn too_many_attributes(count: usize, count_max: usize) -> Stop {
    let message = format!("the event has {count} metadata, the bus takes {count_max}");
    Stop::new(PublishFailure::Refused, message)
}

pub(crate) fn fenced(newest: &str) -> Stop {
    let message = format!("the stream of messages is published under epoch {newest} now");
    Stop::new(PublishFailure::Fenced, message)
}

pub(crate) fn taken(id: &str) -> Stop {
    Stop::unavailable(format!(
        "the stream has another event under the id {id}: has the outbox been restored from a backup, \
         or does another service use the prefix?"
    ))
}

pub(crate) fn too_few_replicas(reached: u32, wanted: u32) -> Stop {
    Stop::unavailable(format!("{reached} of {wanted} replicas have the messages"))
}

/// The topic is one that the user of the bus has no permission for.
pub(crate) fn not_permitted(source: RedisError) -> Stop {
    Stop::new(PublishFailure::Refused, "the bus has no permission for the topic")
        .with_source(source)
}

/// What it means that the server refused to append a message, in the words of the server.
pub(crate) fn not_appended(answer: &str) -> Stop {
    let failure = match answer.split(' ').next().unwrap_or_default() {
        "WRONGTYPE" | "NOPERM" => PublishFailure::Refused,
        "OOM" => PublishFailure::Throttled(None),
        // As Redis 7.0 says that a script may not touch the key.
        _ if answer.contains("access at least one of the keys") => PublishFailure::Refused,
        _ => PublishFailure::Unavailable,
    };
    Stop::new(failure, format!("Redis: {answer}"))
}

pub(crate) fn not_reached(error: Error) -> Stop {
    Stop::unavailable("Redis cannot be reached").with_source(error)
}

pub(crate) fn always_broken() -> Stop {
    Stop::unavailable("somebody else publishes the stream of messages under the same epoch")
}

/// What it means that a step failed as a whole: nothing about a message.
pub(crate) fn failed(error: RedisError) -> Stop {
    let failure = match error.code() {
        Some("OOM" | "BUSY") => PublishFailure::Throttled(None),
        _ => PublishFailure::Unavailable,
    };
    Stop::new(failure, "Redis does not take messages now").with_source(error)
}

/// What it means that there is no connection, or none that may be used.
pub(crate) fn not_connected(error: RedisError) -> Error {
    let (kind, message) = match (error.kind(), error.code()) {
        (redis::ErrorKind::AuthenticationFailed, _)
        | (_, Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => {
            (ErrorKind::Forbidden, "the server does not let the bus in")
        }
        _ => (ErrorKind::Unavailable, "the server cannot be connected to"),
    };
    Error::new(kind, "connect to Redis", message).with_source(error)
}

/// Whether the connection is of no use after that: it is lost, does not answer, is not let in any
/// more, or leads to a server that is not the one to write to any more.
pub(crate) fn ends_connection(error: &RedisError) -> bool {
    let codes = ["READONLY", "MASTERDOWN", "NOAUTH"];
    error.is_io_error()
        || error.is_unrecoverable_error()
        || error.code().is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use PublishFailure::{Refused, Throttled, Unavailable};

    fn answered(text: &str) -> RedisError {
        let answer = redis::parse_redis_value(format!("-{text}\r\n").as_bytes());
        answer.and_then(redis::Value::extract_error).expect_err("an error")
    }

    #[test]
    fn what_concerns_the_topic_is_refused_and_nothing_else() {
        let table = [
            ("WRONGTYPE Operation against a key holding the wrong kind of value", Refused),
            ("ERR The user executing the script can't access at least one of the keys", Refused),
            ("NOPERM No permissions to access a key", Refused),
            ("OOM command not allowed when used memory > 'maxmemory'.", Throttled(None)),
            ("ERR The stream has exhausted the last possible ID", Unavailable),
            ("MISCONF Redis is configured to save RDB snapshots", Unavailable),
        ];
        for (answer, expected) in table {
            assert_eq!(not_appended(answer).after(0).failure, expected, "{answer}");
        }
        assert_eq!(too_large(2, 1).after(4).accepted, 4);
        assert_eq!(too_large(2, 1).after(0).failure, Refused);
        assert_eq!(too_many_attributes(2, 1).after(0).failure, Refused);
        assert_eq!(fenced("7").after(0).failure, PublishFailure::Fenced);
        assert_eq!(taken("7-0").after(0).failure, Unavailable);
        assert_eq!(too_few_replicas(0, 1).after(0).failure, Unavailable);
    }

    #[test]
    fn what_concerns_the_server_costs_no_message_an_attempt() {
        let table = [
            ("OOM command not allowed when used memory > 'maxmemory'.", Throttled(None), false),
            ("BUSY Redis is busy running a script", Throttled(None), false),
            ("LOADING Redis is loading the dataset in memory", Unavailable, false),
            ("READONLY You can't write against a read only replica.", Unavailable, true),
            ("MASTERDOWN Link with MASTER is down", Unavailable, true),
            ("NOAUTH Authentication required.", Unavailable, true),
            ("NOPERM User u has no permissions to run the 'evalsha' command", Unavailable, false),
            ("MOVED 3999 127.0.0.1:6381", Unavailable, false),
            ("MISCONF Redis is configured to save RDB snapshots", Unavailable, false),
            ("NOREPLICAS Not enough good replicas to write.", Unavailable, false),
            ("WRONGTYPE of the key of the state", Unavailable, false),
        ];
        for (text, expected, ends) in table {
            assert_eq!(failed(answered(text)).after(0).failure, expected, "{text}");
            assert_eq!(ends_connection(&answered(text)), ends, "{text}");
        }
        let lost = || RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(failed(lost()).after(0).failure, Unavailable);
        assert!(ends_connection(&lost()));
    }
}
