//! How to reach Pulsar, and what it is relied on for.

use crate::Token;
use crate::service_url::ServiceUrl;
use idp_application::{Clock, Error, ErrorKind, SystemClock};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::ClientConfig;

/// The configuration of a [`PulsarBus`](crate::PulsarBus), which checks it.
#[derive(Clone)]
pub struct PulsarConfig {
    /// Where the brokers are: `pulsar://host:6650`, or `pulsar+ssl://host:6651`; several hosts are
    /// separated by commas and tried in order.
    pub service_url: String,
    /// What the names of producers begin with: the name of the service. On one topic no other service
    /// may use the same, or each drops messages of the other as duplicates. It must never change.
    pub producer_prefix: String,
    /// Who else may publish to the topics.
    pub access: Access,
    /// Whether topics must drop duplicates.
    pub deduplication: Deduplication,
    /// How long the broker remembers the numbers of a producer that is gone, from when it has gone: its
    /// `brokerDeduplicationProducerInactivityTimeoutMinutes`.
    pub producer_memory: Duration,
    /// By which token the broker knows the service; none is sent if there is none.
    pub token: Option<Token>,
    /// How TLS is spoken to `pulsar+ssl`; if not given, with the certificates that the machine trusts.
    pub tls: Option<Arc<ClientConfig>>,
    /// How long one attempt to connect to one host may take, until the broker has let the service in.
    pub connect_timeout: Duration,
    /// How long the broker may take to say where a topic is, or to open a producer.
    pub request_timeout: Duration,
    /// After how much silence the broker is asked whether it is there; after as much again, the
    /// connection is given up.
    pub keep_alive: Duration,
    /// How long a call tries again by itself without any progress while a topic is on the move or the
    /// name of the stream is still connected elsewhere. Zero: not at all.
    pub patience: Duration,
    /// After how long without messages the producers of a stream are closed, so that another worker
    /// can take it over.
    pub idle_timeout: Duration,
    /// Tells the publish time of messages.
    pub clock: Arc<dyn Clock>,
}

/// Who else may publish to the partitions that a stream publishes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody. Messages with one key go to one partition. A stream has one producer at a time, since
    /// the broker lets only one of a name in; which one, the first decides.
    Shared,
    /// The owner of the lane alone. The number of the lane is that of the partition, so topics need as
    /// many partitions as there are lanes. A producer of an older epoch is shut out by the broker; no
    /// other target or service can publish to the topic.
    Exclusive,
}

/// Whether topics must drop messages that they have already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deduplication {
    /// They must: publishing to one that does not fails.
    Required,
    /// They need not: messages can be stored more than once.
    Off,
}

impl PulsarConfig {
    /// The usual configuration of a service of that name.
    pub fn for_service(name: impl Into<String>, service_url: impl Into<String>) -> Self {
        Self {
            service_url: service_url.into(),
            producer_prefix: name.into(),
            access: Access::Shared,
            deduplication: Deduplication::Required,
            producer_memory: Duration::from_secs(360 * 60),
            token: None,
            tls: None,
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(3),
            keep_alive: Duration::from_secs(10),
            patience: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(1),
            clock: Arc::new(SystemClock),
        }
    }

    /// The hosts, or all that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<ServiceUrl, Error> {
        let mut faults = Vec::new();
        let url = ServiceUrl::parse(&self.service_url);
        if let Err(fault) = &url {
            faults.push(format!("`service_url` {fault}"));
        }
        faults.extend(self.prefix_fault());
        let mut bound = |field: &str, value: Duration, bounds: RangeInclusive<Duration>| {
            if !bounds.contains(&value) {
                let (least, most) = bounds.into_inner();
                faults
                    .push(format!("`{field}` must be within {least:?}..={most:?}, got {value:?}"));
            }
        };
        bound("producer_memory", self.producer_memory, MILLISECOND..=HOUR * 24 * 365);
        bound("connect_timeout", self.connect_timeout, MILLISECOND..=HOUR);
        bound("request_timeout", self.request_timeout, MILLISECOND..=HOUR);
        bound("keep_alive", self.keep_alive, MILLISECOND * 100..=HOUR);
        bound("patience", self.patience, Duration::ZERO..=HOUR);
        bound("idle_timeout", self.idle_timeout, MILLISECOND..=HOUR);
        let reason = faults.join("; ");
        url.ok()
            .filter(|_| faults.is_empty())
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "configure the Pulsar bus", reason))
    }

    /// The broker takes names with its own prefix for those of replicators.
    fn prefix_fault(&self) -> Option<String> {
        let prefix = &self.producer_prefix;
        let fits = (1..=100).contains(&prefix.chars().count())
            && !prefix.starts_with("pulsar.")
            && !prefix.chars().any(char::is_control);
        (!fits).then(|| {
            format!(
                "`producer_prefix` must have 1 to 100 characters, none of them for control, and not \
                 begin with \"pulsar.\", got {prefix:?}"
            )
        })
    }
}

impl fmt::Debug for PulsarConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PulsarConfig")
            .field("service_url", &self.service_url)
            .field("producer_prefix", &self.producer_prefix)
            .field("access", &self.access)
            .field("deduplication", &self.deduplication)
            .field("producer_memory", &self.producer_memory)
            .field("token", &self.token)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("keep_alive", &self.keep_alive)
            .field("patience", &self.patience)
            .field("idle_timeout", &self.idle_timeout)
            .finish_non_exhaustive()
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configuration_is_valid() {
        assert!(PulsarConfig::for_service("shop", "pulsar://localhost:6650").check().is_ok());
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        let config = PulsarConfig {
            keep_alive: Duration::from_millis(1),
            idle_timeout: Duration::ZERO,
            ..PulsarConfig::for_service("pulsar.repl.x", "http://localhost:8080")
        };
        let error = config.check().expect_err("four faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "`service_url` must begin with pulsar:// or pulsar+ssl://, got \
                        \"http://localhost:8080\"; `producer_prefix` must have 1 to 100 characters, \
                        none of them for control, and not begin with \"pulsar.\", got \
                        \"pulsar.repl.x\"; `keep_alive` must be within 100ms..=3600s, got 1ms; \
                        `idle_timeout` must be within 1ms..=3600s, got 0ns";
        assert_eq!(error.message(), expected);
    }

    #[test]
    fn a_configuration_shows_no_token() {
        let mut config = PulsarConfig::for_service("shop", "pulsar://localhost");
        config.token = Some(Token::fixed("s3cret"));
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
