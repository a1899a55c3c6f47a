//! Where the broker is, and what of the bus to exchanges can be chosen.

use idp_application::{Error, ErrorKind};
use lapin::uri::{AMQPScheme, AMQPUri};
use std::fmt::{self, Debug};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The configuration of a [`RabbitBus`](crate::RabbitBus), which checks it.
#[derive(Clone, PartialEq, Eq)]
pub struct RabbitConfig {
    /// The nodes of the broker, each as `amqp://user:password@host:port/vhost`; the first that can be
    /// connected to is used. The name of the virtual host is percent-encoded, and `/` if it is left
    /// out. `?heartbeat=10` asks for another interval of heartbeats, in seconds, than the broker's.
    pub uris: Vec<String>,
    /// The name of the connection that the broker shows.
    pub connection_name: String,
    /// How long it may take to connect to a node.
    pub connect_timeout: Duration,
    /// How long the broker may be silent while messages wait to be confirmed; not the time of a whole
    /// call. Set it below the relay's time for a send (`publish_timeout`, 5 s unless it is changed), or
    /// the relay is always the first to lose patience: what was confirmed by then is sent again, and
    /// the connection is given up for all calls.
    pub confirm_timeout: Duration,
    /// For how long a message that is routed nowhere is not refused, if others were routed from there
    /// before: a queue whose node is down is not there until the node is back. Zero: not at all.
    pub unroutable_grace: Duration,
    /// Whether messages of one aggregate wait for each other.
    pub order: RabbitOrder,
    /// How many messages of a call may wait to be confirmed.
    pub in_flight_max: usize,
    /// The most bytes of data that a message may have. Must not be more than `max_message_size` of
    /// the broker.
    pub data_bytes_max: usize,
}

/// Whether messages of one aggregate wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RabbitOrder {
    /// The next message of an aggregate goes out when the one before it is confirmed. Whatever happens at
    /// the broker, they are stored in order; an aggregate that has many events at once is as fast as the
    /// confirmations, one a round trip.
    #[default]
    Strict,
    /// Messages of an aggregate that go to one address with one routing key are under way together.
    /// They are stored in order **unless the broker rejects one and takes one behind it**: nothing it
    /// took can be taken back then, and the rejected one is stored last. RabbitMQ does not do that where
    /// all queues are quorum queues without a length limit (`x-max-length`, `x-max-length-bytes`, by
    /// argument or policy), and queues and bindings stay as they are while events are under way. It can
    /// where a queue has `x-overflow: reject-publish`, where a classic queue fails or its node is down,
    /// and where queues or bindings are deleted or made meanwhile.
    Window,
}

impl RabbitConfig {
    /// The usual configuration for a broker of one node.
    pub fn at(uri: impl Into<String>) -> Self {
        Self {
            uris: vec![uri.into()],
            connection_name: "idp".to_owned(),
            connect_timeout: Duration::from_secs(3),
            confirm_timeout: Duration::from_secs(4),
            unroutable_grace: Duration::from_secs(60),
            order: RabbitOrder::Strict,
            in_flight_max: 1_000,
            data_bytes_max: 128 * 1024 * 1024,
        }
    }

    /// The nodes, or all that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<Vec<AMQPUri>, Error> {
        let mut faults = Faults::default();
        faults.name("connection_name", &self.connection_name);
        faults.bound("connect_timeout", self.connect_timeout, MILLISECOND..=HOUR);
        faults.bound("confirm_timeout", self.confirm_timeout, MILLISECOND..=HOUR);
        faults.bound("unroutable_grace", self.unroutable_grace, Duration::ZERO..=24 * HOUR);
        faults.bound("in_flight_max", self.in_flight_max, 1..=65_535);
        faults.bound("data_bytes_max", self.data_bytes_max, 1..=512 * 1024 * 1024);
        let uris = self.nodes(&mut faults);
        faults.into_result("configure the bus to RabbitMQ").map(|()| uris)
    }

    fn nodes(&self, faults: &mut Faults) -> Vec<AMQPUri> {
        faults.bound("uris", self.uris.len(), 1..=100);
        let mut nodes = Vec::new();
        for (number, uri) in self.uris.iter().enumerate() {
            // What the parser says is not shown: it might quote the password.
            match uri.parse::<AMQPUri>() {
                Ok(uri) if uri.scheme == AMQPScheme::AMQP => nodes.push(uri),
                Ok(_) => {
                    faults.add(format!("`uris[{number}]` must be amqp://: there is no TLS here"));
                }
                Err(_) => faults
                    .add(format!("`uris[{number}]` must be amqp://user:password@host:port/vhost")),
            }
        }
        nodes
    }
}

/// Without the credentials.
impl Debug for RabbitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = |uri: &String| match uri.parse::<AMQPUri>() {
            Ok(uri) => format!("{}:{}", uri.authority.host, uri.authority.port),
            Err(_) => "invalid".to_owned(),
        };
        f.debug_struct("RabbitConfig")
            .field("nodes", &self.uris.iter().map(node).collect::<Vec<_>>())
            .field("connection_name", &self.connection_name)
            .field("connect_timeout", &self.connect_timeout)
            .field("confirm_timeout", &self.confirm_timeout)
            .field("unroutable_grace", &self.unroutable_grace)
            .field("order", &self.order)
            .field("in_flight_max", &self.in_flight_max)
            .field("data_bytes_max", &self.data_bytes_max)
            .finish()
    }
}

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// What is wrong with a configuration.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<String>);

impl Faults {
    pub(crate) fn add(&mut self, fault: String) {
        self.0.push(fault);
    }

    pub(crate) fn bound<T: Copy + PartialOrd + Debug>(
        &mut self,
        field: &str,
        value: T,
        bounds: RangeInclusive<T>,
    ) {
        if !bounds.contains(&value) {
            let (least, most) = bounds.into_inner();
            self.add(format!("`{field}` must be within {least:?}..={most:?}, got {value:?}"));
        }
    }

    pub(crate) fn name(&mut self, field: &str, value: &str) {
        let length = value.chars().count();
        if !(1..=100).contains(&length) {
            self.add(format!("`{field}` must have 1 to 100 characters, got {length}"));
        }
    }

    pub(crate) fn prefix(&mut self, field: &str, value: &str) {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if !(1..=64).contains(&value.len()) || !value.bytes().all(is_plain) {
            let rule = "must be 1 to 64 letters, digits, `_` and `-`";
            self.add(format!("`{field}` {rule}, got {value:?}"));
        }
    }

    pub(crate) fn into_result(self, operation: &'static str) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, operation, self.0.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configuration_is_valid() {
        let nodes = RabbitConfig::at("amqp://127.0.0.1:5672/%2f").check().expect("valid");
        assert_eq!((nodes.len(), nodes[0].vhost.as_str()), (1, "/"));
    }

    /// `RelayConfig::publish_timeout`, unless it is changed.
    const RELAY_PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn the_bus_loses_patience_before_the_relay_does() {
        assert!(RabbitConfig::at("").confirm_timeout < RELAY_PATIENCE);
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_and_bound_and_no_secret() {
        let config = RabbitConfig {
            uris: vec!["http://guest:hunter2@here".into(), "amqps://guest:hunter2@here".into()],
            connection_name: String::new(),
            confirm_timeout: Duration::ZERO,
            unroutable_grace: 25 * HOUR,
            in_flight_max: 0,
            ..RabbitConfig::at("")
        };
        let error = config.check().expect_err("six faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "`connection_name` must have 1 to 100 characters, got 0; \
                        `confirm_timeout` must be within 1ms..=3600s, got 0ns; \
                        `unroutable_grace` must be within 0ns..=86400s, got 90000s; \
                        `in_flight_max` must be within 1..=65535, got 0; \
                        `uris[0]` must be amqp://user:password@host:port/vhost; \
                        `uris[1]` must be amqp://: there is no TLS here";
        assert_eq!(error.message(), expected);
    }

    #[test]
    fn the_password_is_not_shown() {
        let shown = format!("{:?}", RabbitConfig::at("amqp://guest:hunter2@broker:5672"));
        assert!(shown.contains("broker:5672") && !shown.contains("hunter2"), "{shown}");
    }
}
