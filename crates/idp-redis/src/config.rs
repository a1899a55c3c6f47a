//! Where the server is, and what of the bus to Redis can be chosen.

use idp_application::{Error, ErrorKind, out_of_bounds};
use redis::{ConnectionInfo, IntoConnectionInfo};
use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::time::Duration;

/// The configuration of a [`RedisBus`](crate::RedisBus), which checks it when it connects.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// The server, as `redis://user:password@host:port/database`, or `rediss://…` with TLS. It must
    /// be the one that is written to, and not a cluster.
    pub url: String,
    /// What names of streams of messages start with: up to 64 letters, digits, `_` and `-`. It tells
    /// services and environments that share a server apart, and must stay the same for ever: two
    /// services with one prefix would take each other's messages for duplicates.
    pub prefix: String,
    /// The most bytes of data that a message may have; never more than `proto-max-bulk-len` of the
    /// server, where the bus may ask for it.
    pub data_bytes_max: usize,
    /// How many messages go to the server in one step. Nothing else runs in the server during a step;
    /// up to three steps of a call are on their way at a time.
    pub step_max: usize,
    /// Deletes the oldest entries of a stream key when it has more than so many, roughly
    /// (`MAXLEN ~`), **whether they were read or not**. `None` keeps all, until the memory is full.
    pub entries_max: Option<u64>,
    /// Takes a message for taken over only when so many replicas have it, too.
    pub replicas: Option<Replicas>,
    /// A file with certificates (PEM) that are trusted instead of those of the system, for TLS.
    pub root_certificates: Option<PathBuf>,
    /// How long it may take to connect.
    pub connect_timeout: Duration,
    /// How long the server may take to answer. Set it below the relay's time for a send, or the relay
    /// is always the first to lose patience.
    pub answer_timeout: Duration,
}

/// Which replicas to wait for, with `WAIT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// How many.
    pub count: u32,
    /// How long.
    pub timeout: Duration,
}

impl RedisConfig {
    /// The usual configuration for that server, with names that start with the prefix.
    pub fn new(url: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: prefix.into(),
            data_bytes_max: 16 * 1024 * 1024,
            step_max: 100,
            entries_max: None,
            replicas: None,
            root_certificates: None,
            connect_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(4),
        }
    }

    /// Where to connect to, or all that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<ConnectionInfo, Error> {
        let mut faults = Vec::new();
        let info = connection_info(&self.url);
        // It is not shown: it may hold a password.
        let fault = "`url` must be `redis://host:port` or `rediss://host:port`";
        faults.extend(info.is_none().then(|| fault.to_owned()));
        faults.extend(prefix_fault(&self.prefix));
        let sizes = 1..=512 * 1024 * 1024;
        faults.extend(out_of_bounds("data_bytes_max", self.data_bytes_max, &sizes));
        faults.extend(out_of_bounds("step_max", self.step_max, &(1..=10_000)));
        let entries = self.entries_max.unwrap_or(1);
        faults.extend(out_of_bounds("entries_max", entries, &(1..=i64::MAX.unsigned_abs())));
        let times = Duration::from_millis(1)..=Duration::from_secs(3_600);
        faults.extend(out_of_bounds("connect_timeout", self.connect_timeout, &times));
        faults.extend(out_of_bounds("answer_timeout", self.answer_timeout, &times));
        if let Some(replicas) = self.replicas {
            let waits = Duration::from_millis(1)..=self.answer_timeout / 2;
            faults.extend(out_of_bounds("replicas.count", replicas.count, &(1..=100)));
            faults.extend(out_of_bounds("replicas.timeout", replicas.timeout, &waits));
        }
        match info {
            Some(info) if faults.is_empty() => Ok(info),
            _ => {
                Err(Error::new(ErrorKind::Invalid, "configure the bus to Redis", faults.join("; ")))
            }
        }
    }
}

fn connection_info(url: &str) -> Option<ConnectionInfo> {
    let is_known = ["redis://", "rediss://"].iter().any(|scheme| url.starts_with(scheme));
    is_known.then(|| url.into_connection_info().ok()).flatten()
}

fn prefix_fault(prefix: &str) -> Option<String> {
    let is_plain = prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    (!is_plain || !(1..=64).contains(&prefix.len()))
        .then(|| format!("`prefix` must be 1 to 64 letters, digits, `_` and `-`, got {prefix:?}"))
}

/// The URL may hold a password: only the host is shown.
impl Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = connection_info(&self.url).map(|info| info.addr().to_string());
        f.debug_struct("RedisConfig")
            .field("server", &server.as_deref().unwrap_or("(not an address)"))
            .field("prefix", &self.prefix)
            .field("data_bytes_max", &self.data_bytes_max)
            .field("step_max", &self.step_max)
            .field("entries_max", &self.entries_max)
            .field("replicas", &self.replicas)
            .field("root_certificates", &self.root_certificates)
            .field("connect_timeout", &self.connect_timeout)
            .field("answer_timeout", &self.answer_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configuration_is_valid() {
        assert!(RedisConfig::new("redis://127.0.0.1:6379", "orders").check().is_ok());
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        let config = RedisConfig {
            url: "http://user:hunter2@x".to_owned(),
            prefix: "a b".to_owned(),
            step_max: 0,
            entries_max: Some(0),
            replicas: Some(Replicas { count: 1, timeout: Duration::from_secs(3) }),
            ..RedisConfig::new("", "")
        };
        let error = config.check().expect_err("five faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "`url` must be `redis://host:port` or `rediss://host:port`; `prefix` must be \
            1 to 64 letters, digits, `_` and `-`, got \"a b\"; `step_max` must be within 1..=10000, \
            got 0; `entries_max` must be within 1..=9223372036854775807, got 0; `replicas.timeout` \
            must be within 1ms..=2s, got 3s";
        assert_eq!(error.message(), expected);
    }

    #[test]
    fn the_password_is_not_shown() {
        let shown = format!("{:?}", RedisConfig::new("redis://u:hunter2@127.0.0.1:6379/2", "p"));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("127.0.0.1:6379"), "{shown}");
    }
}
