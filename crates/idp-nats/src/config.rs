//! Where the servers are, and what of the bus to JetStream can be chosen.

use async_nats::ServerAddr;
use idp_application::{Error, ErrorKind, out_of_bounds};
use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::time::Duration;

/// The configuration of a [`NatsBus`](crate::NatsBus), which checks it when it connects.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsConfig {
    /// The servers, each as `nats://host:port` or `tls://host:port`; any of them is used. Names and
    /// passwords have their place in [`auth`](Self::auth).
    pub servers: Vec<String>,
    /// What names of streams of messages start with: up to 64 letters, digits, `_` and `-`. It tells
    /// services and environments that share a server apart, and must stay the same for ever: two
    /// services with one prefix would take each other's messages for duplicates.
    pub prefix: String,
    /// The JetStream streams that topics are in. They must exist; the bus makes none.
    pub streams: Vec<String>,
    /// How messages that are published again are kept from being stored again.
    pub deduplication: Deduplication,
    /// In strict mode, whether a worker that takes over a stream of messages marks that in each
    /// subject where all it has to publish is stored already. Without a mark, the worker before it is
    /// fenced only when the new one stores a message of its own; with marks, from the start. **A mark
    /// is a message without data and without `ce-` headers: subscribers must pass it over.**
    pub marks_takeovers: bool,
    /// Who the bus is.
    pub auth: NatsAuth,
    /// Whether to refuse servers without TLS. Servers that ask for TLS get it anyway.
    pub requires_tls: bool,
    /// A file with certificates (PEM) that are trusted besides those of the system.
    pub root_certificates: Option<PathBuf>,
    /// How many messages of a call may wait for their acknowledgement.
    pub in_flight_max: usize,
    /// How long it may take to connect to a server.
    pub connect_timeout: Duration,
    /// How long the server may take to acknowledge what is in flight, and to answer questions. Set it
    /// below the relay's time for a send, or the relay is always the first to lose patience.
    pub ack_timeout: Duration,
}

/// How messages that are published again are kept from being stored again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deduplication {
    /// By the message id, which JetStream remembers for the `duplicate_window` of the stream, two
    /// minutes unless it is configured. **Make the window longer than the longest outage that the
    /// relay is to survive without duplicates.** A topic is a subject.
    Window,
    /// By compare-and-append on a subject for each stream of messages, without a limit in time;
    /// refuses workers that lost their lease, from the first message on that the next one stores
    /// ([`marks_takeovers`](NatsConfig::marks_takeovers)). A topic is the first part of the subjects
    /// ([`strict_subject`](crate::strict_subject)): the JetStream stream must have `topic.*`, and
    /// must keep the last message of each subject.
    Strict,
}

/// Who the bus is.
#[derive(Clone, PartialEq, Eq)]
pub enum NatsAuth {
    /// Nobody in particular.
    Anonymous,
    /// Whoever knows a token.
    Token(String),
    /// A user with a password.
    Password {
        /// The name of the user.
        user: String,
        /// The password.
        password: String,
    },
    /// Whoever has the seed of a key.
    NkeySeed(String),
    /// A user with a token of an operator: the text of a `.creds` file.
    Credentials(String),
}

impl NatsConfig {
    /// The usual configuration for one server, with names that start with the prefix.
    pub fn new(
        server: impl Into<String>,
        prefix: impl Into<String>,
        streams: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            servers: vec![server.into()],
            prefix: prefix.into(),
            streams: streams.into_iter().map(Into::into).collect(),
            deduplication: Deduplication::Window,
            marks_takeovers: false,
            auth: NatsAuth::Anonymous,
            requires_tls: false,
            root_certificates: None,
            in_flight_max: 1_000,
            connect_timeout: Duration::from_secs(3),
            ack_timeout: Duration::from_secs(4),
        }
    }

    /// The servers, or all that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<Vec<ServerAddr>, Error> {
        let mut faults = Vec::new();
        faults.extend(out_of_bounds("servers", self.servers.len(), &(1..=100)));
        let servers = self.servers.iter().filter_map(|server| address(server)).collect::<Vec<_>>();
        let wrong = self.servers.len() - servers.len();
        // They are not shown: they may hold a password.
        faults.extend((wrong > 0).then(|| {
            format!(
                "`servers` must each be `nats://host:port` or `tls://host:port`, {wrong} are not"
            )
        }));
        faults.extend(prefix_fault(&self.prefix));
        faults.extend(out_of_bounds("streams", self.streams.len(), &(1..=1_000)));
        faults.extend(self.streams.iter().filter_map(|name| stream_fault(name)));
        faults.extend(out_of_bounds("in_flight_max", self.in_flight_max, &(1..=10_000)));
        let times = Duration::from_millis(1)..=Duration::from_secs(3_600);
        faults.extend(out_of_bounds("connect_timeout", self.connect_timeout, &times));
        faults.extend(out_of_bounds("ack_timeout", self.ack_timeout, &times));
        if faults.is_empty() {
            return Ok(servers);
        }
        Err(Error::new(ErrorKind::Invalid, "configure the bus to NATS", faults.join("; ")))
    }
}

fn address(server: &str) -> Option<ServerAddr> {
    let address: ServerAddr = server.parse().ok()?;
    let is_plain = address.username().is_none() && !address.host().is_empty();
    (["nats", "tls"].contains(&address.scheme()) && is_plain).then_some(address)
}

fn prefix_fault(prefix: &str) -> Option<String> {
    let is_plain = prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    (!is_plain || !(1..=64).contains(&prefix.len()))
        .then(|| format!("`prefix` must be 1 to 64 letters, digits, `_` and `-`, got {prefix:?}"))
}

fn stream_fault(name: &str) -> Option<String> {
    let is_wrong = |c: char| c.is_whitespace() || c.is_control() || ".*>/\\".contains(c);
    (name.is_empty() || name.contains(is_wrong)).then(|| {
        format!("`streams` must be names without spaces, `.`, `*`, `>`, `/` and `\\`, got {name:?}")
    })
}

/// Addresses of servers may hold passwords: only their hosts are shown.
impl Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |server: &String| match address(server) {
            Some(address) => format!("{}:{}", address.host(), address.port()),
            None => "(not an address)".to_owned(),
        };
        f.debug_struct("NatsConfig")
            .field("servers", &self.servers.iter().map(host).collect::<Vec<_>>())
            .field("prefix", &self.prefix)
            .field("streams", &self.streams)
            .field("deduplication", &self.deduplication)
            .field("marks_takeovers", &self.marks_takeovers)
            .field("auth", &self.auth)
            .field("requires_tls", &self.requires_tls)
            .field("root_certificates", &self.root_certificates)
            .field("in_flight_max", &self.in_flight_max)
            .field("connect_timeout", &self.connect_timeout)
            .field("ack_timeout", &self.ack_timeout)
            .finish()
    }
}

/// Shows the way, not the secret.
impl Debug for NatsAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Token(_) => "Token(..)",
            Self::Password { .. } => "Password { .. }",
            Self::NkeySeed(_) => "NkeySeed(..)",
            Self::Credentials(_) => "Credentials(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configuration_is_valid() {
        let config = NatsConfig::new("nats://127.0.0.1:4222", "orders", ["ORDERS"]);
        assert_eq!(config.check().expect("valid").len(), 1);
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        let config = NatsConfig {
            servers: vec!["http://user:hunter2@x".to_owned()],
            prefix: "a.b".to_owned(),
            streams: vec!["A B".to_owned()],
            in_flight_max: 0,
            ack_timeout: Duration::ZERO,
            ..NatsConfig::new("", "", [""])
        };
        let error = config.check().expect_err("five faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "`servers` must each be `nats://host:port` or `tls://host:port`, 1 are not; \
            `prefix` must be 1 to 64 letters, digits, `_` and `-`, got \"a.b\"; `streams` must be \
            names without spaces, `.`, `*`, `>`, `/` and `\\`, got \"A B\"; `in_flight_max` must be \
            within 1..=10000, got 0; `ack_timeout` must be within 1ms..=3600s, got 0ns";
        assert_eq!(error.message(), expected);
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = "hunter2".to_owned();
        let ways = [
            NatsAuth::Token(secret.clone()),
            NatsAuth::Password { user: "u".to_owned(), password: secret.clone() },
            NatsAuth::NkeySeed(secret.clone()),
            NatsAuth::Credentials(secret),
        ];
        for auth in ways {
            let mut config = NatsConfig::new("nats://127.0.0.1:4222", "p", ["S"]);
            config.auth = auth;
            config.servers.push("nats://u:hunter2@127.0.0.1:4222".to_owned());
            let shown = format!("{config:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("127.0.0.1:4222"), "{shown}");
        }
    }
}
