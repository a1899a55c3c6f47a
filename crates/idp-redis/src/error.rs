//! What failures mean for whoever publishes.

use idp_application::{Error, ErrorKind, PublishError};
use redis::RedisError;

pub(crate) fn too_large(bytes: usize, bytes_max: usize) -> PublishError {
    let message = format!("the data has {bytes} bytes, the bus takes {bytes_max}");
    PublishError::refused(0, message)
}

pub(crate) fn too_many_attributes(count: usize, count_max: usize) -> PublishError {
    let message = format!("the event has {count} metadata, the bus takes {count_max}");
    PublishError::refused(0, message)
}

pub(crate) fn fenced(newest: &str) -> PublishError {
    let message = format!("the stream of messages is published under epoch {newest} now");
    PublishError::fenced(0, message)
}

pub(crate) fn taken(id: &str) -> PublishError {
    let message = format!(
        "the stream has another event under the id {id}: has the outbox been restored from a backup, \
         or does another service use the prefix?"
    );
    PublishError::unavailable(0, message)
}

pub(crate) fn too_few_replicas(reached: u32, wanted: u32) -> PublishError {
    PublishError::unavailable(0, format!("{reached} of {wanted} replicas have the messages"))
}

/// The topic is one that the user of the bus has no permission for.
pub(crate) fn not_permitted(source: RedisError) -> PublishError {
    PublishError::refused(0, "the bus has no permission for the topic").with_source(source)
}

/// What it means that the server refused to append a message, in the words of the server.
pub(crate) fn not_appended(answer: &str) -> PublishError {
    let message = format!("Redis: {answer}");
    match answer.split(' ').next().unwrap_or_default() {
        "WRONGTYPE" | "NOPERM" => PublishError::refused(0, message),
        "OOM" => PublishError::throttled(0, None, message),
        // As Redis 7.0 says that a script may not touch the key.
        _ if answer.contains("access at least one of the keys") => {
            PublishError::refused(0, message)
        }
        _ => PublishError::unavailable(0, message),
    }
}

pub(crate) fn not_reached(error: Error) -> PublishError {
    PublishError::unavailable(0, "Redis cannot be reached").with_source(error)
}

pub(crate) fn always_broken() -> PublishError {
    let message = "somebody else publishes the stream of messages under the same epoch";
    PublishError::unavailable(0, message)
}

/// What it means that a step failed as a whole: nothing about a message.
pub(crate) fn failed(error: RedisError) -> PublishError {
    let message = "Redis does not take messages now";
    let stop = match error.code() {
        Some("OOM" | "BUSY") => PublishError::throttled(0, None, message),
        _ => PublishError::unavailable(0, message),
    };
    stop.with_source(error)
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
    use idp_application::PublishFailure::{self, Refused, Throttled, Unavailable};

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
            assert_eq!(not_appended(answer).failure, expected, "{answer}");
        }
        assert_eq!(too_large(2, 1).after(4).accepted, 4);
        assert_eq!(too_large(2, 1).failure, Refused);
        assert_eq!(too_many_attributes(2, 1).failure, Refused);
        assert_eq!(fenced("7").failure, PublishFailure::Fenced);
        assert_eq!(taken("7-0").failure, Unavailable);
        assert_eq!(too_few_replicas(0, 1).failure, Unavailable);
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
            assert_eq!(failed(answered(text)).failure, expected, "{text}");
            assert_eq!(ends_connection(&answered(text)), ends, "{text}");
        }
        let lost = || RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(failed(lost()).failure, Unavailable);
        assert!(ends_connection(&lost()));
    }
}
