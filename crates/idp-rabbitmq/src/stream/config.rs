//! Where the broker is, and what of the bus to streams can be chosen.

use crate::config::{Faults, HOUR, MILLISECOND};
use idp_application::Error;
use std::fmt::{self, Debug};
use std::time::Duration;

/// The configuration of a [`RabbitStreamBus`](crate::RabbitStreamBus), which checks it.
#[derive(Clone, PartialEq, Eq)]
pub struct RabbitStreamConfig {
    /// The nodes of the broker, each as `host:port`; the first that can be connected to is used.
    pub nodes: Vec<String>,
    /// Who publishes.
    pub user: String,
    /// The password of the user.
    pub password: String,
    /// The virtual host that the streams are in.
    pub virtual_host: String,
    /// What names of producers start with: up to 64 letters, digits, `_` and `-`. It tells services
    /// and environments that share a broker apart, and must stay the same for ever: two services with
    /// one prefix would take each other's messages for duplicates.
    pub prefix: String,
    /// The name of the connections that the broker shows.
    pub connection_name: String,
    /// How long it may take to connect to a node.
    pub connect_timeout: Duration,
    /// How long the broker may be silent while it owes an answer; not the time of a whole call. Set it
    /// below the relay's time for a send (`publish_timeout`, 5 s unless it is changed), or the relay is
    /// always the first to lose patience, and the connection of the call is given up.
    pub confirm_timeout: Duration,
    /// The most bytes that a frame may have, and with it a message with its attributes. The broker
    /// may allow less (`stream.frame_max`, 1 MiB unless it is changed).
    pub frame_bytes_max: usize,
}

/// How much of a frame is kept free for the attributes of a message.
const ATTRIBUTE_BYTES: usize = 16 * 1024;

impl RabbitStreamConfig {
    /// The usual configuration for a broker of one node, `host:port`, with RabbitMQ's user `guest`,
    /// and names of producers that start with the prefix.
    pub fn at(node: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            nodes: vec![node.into()],
            prefix: prefix.into(),
            user: "guest".to_owned(),
            password: "guest".to_owned(),
            virtual_host: "/".to_owned(),
            connection_name: "idp".to_owned(),
            connect_timeout: Duration::from_secs(3),
            confirm_timeout: Duration::from_secs(4),
            frame_bytes_max: 1024 * 1024,
        }
    }

    /// The most bytes of data that a message may have.
    pub(crate) fn data_bytes_max(&self) -> usize {
        self.frame_bytes_max - ATTRIBUTE_BYTES
    }

    /// All that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Faults::default();
        faults.bound("nodes", self.nodes.len(), 1..=100);
        for (number, node) in self.nodes.iter().enumerate() {
            let port = node.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none() {
                faults.add(format!("`nodes[{number}]` must be host:port, got {node:?}"));
            }
        }
        faults.name("user", &self.user);
        faults.bound("password.len()", self.password.len(), 0..=1_000);
        faults.name("virtual_host", &self.virtual_host);
        faults.prefix("prefix", &self.prefix);
        faults.name("connection_name", &self.connection_name);
        faults.bound("connect_timeout", self.connect_timeout, MILLISECOND..=HOUR);
        faults.bound("confirm_timeout", self.confirm_timeout, MILLISECOND..=HOUR);
        let bounds = 2 * ATTRIBUTE_BYTES..=256 * 1024 * 1024;
        faults.bound("frame_bytes_max", self.frame_bytes_max, bounds);
        faults.into_result("configure the bus to RabbitMQ streams")
    }
}

/// Without the password.
impl Debug for RabbitStreamConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitStreamConfig")
            .field("nodes", &self.nodes)
            .field("user", &self.user)
            .field("virtual_host", &self.virtual_host)
            .field("prefix", &self.prefix)
            .field("connection_name", &self.connection_name)
            .field("connect_timeout", &self.connect_timeout)
            .field("confirm_timeout", &self.confirm_timeout)
            .field("frame_bytes_max", &self.frame_bytes_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::ErrorKind;

    #[test]
    fn the_usual_configuration_is_valid() {
        assert!(RabbitStreamConfig::at("127.0.0.1:5552", "shop").check().is_ok());
    }

    /// `RelayConfig::publish_timeout`, unless it is changed.
    const RELAY_PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn the_bus_loses_patience_before_the_relay_does() {
        assert!(RabbitStreamConfig::at("", "shop").confirm_timeout < RELAY_PATIENCE);
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_and_bound() {
        let config = RabbitStreamConfig {
            user: String::new(),
            confirm_timeout: Duration::ZERO,
            frame_bytes_max: 100,
            ..RabbitStreamConfig::at("here", "a/b")
        };
        let error = config.check().expect_err("five faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "`nodes[0]` must be host:port, got \"here\"; \
                        `user` must have 1 to 100 characters, got 0; \
                        `prefix` must be 1 to 64 letters, digits, `_` and `-`, got \"a/b\"; \
                        `confirm_timeout` must be within 1ms..=3600s, got 0ns; \
                        `frame_bytes_max` must be within 32768..=268435456, got 100";
        assert_eq!(error.message(), expected);
    }

    #[test]
    fn the_password_is_not_shown() {
        let usual = RabbitStreamConfig::at("broker:5552", "shop");
        let config = RabbitStreamConfig { password: "hunter2".into(), ..usual };
        let shown = format!("{config:?}");
        assert!(shown.contains("broker:5552") && !shown.contains("hunter2"), "{shown}");
    }
}
