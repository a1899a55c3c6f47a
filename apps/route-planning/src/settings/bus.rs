//! Where events go: `relay.bus`, `relay.stream` and `relay.topic`.

use idp::application::Error;
use idp::relay::TopicRule;
use idp::settings::{Anything, Length, Secret, Source};
use std::fmt;

/// Where events go.
#[derive(Clone, PartialEq, Eq)]
pub enum Bus {
    /// `console`: one line an event on the standard output.
    Console,
    /// `off`: nowhere, as far as `serve` is concerned.
    Off,
    /// A broker.
    Broker(Broker),
}

/// A broker of which one needs to know no more than its URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Broker {
    /// Which.
    pub kind: BrokerKind,
    /// Where; may hold a password.
    pub url: Secret,
    /// `relay.stream`: the stream of JetStream that the topics are in; others do not need it.
    pub stream: String,
}

/// The brokers that the program knows. It speaks to those of the features it was built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerKind {
    /// NATS JetStream.
    Nats,
    /// RabbitMQ, by exchanges.
    RabbitMq,
    /// Redis Streams.
    Redis,
}

/// What a URL starts with, what it is for, its feature, and whether the program was built with it.
const BROKERS: [(&str, BrokerKind, &str, bool); 4] = [
    ("nats://", BrokerKind::Nats, "nats", cfg!(feature = "nats")),
    ("amqp://", BrokerKind::RabbitMq, "rabbitmq", cfg!(feature = "rabbitmq")),
    ("redis://", BrokerKind::Redis, "redis", cfg!(feature = "redis")),
    ("rediss://", BrokerKind::Redis, "redis", cfg!(feature = "redis")),
];

impl fmt::Display for Bus {
    /// Without the password that a URL may hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Console => "the console",
            Self::Off => "nowhere: another process relays them",
            Self::Broker(broker) => match broker.kind {
                BrokerKind::Nats => "NATS",
                BrokerKind::RabbitMq => "RabbitMQ",
                BrokerKind::Redis => "Redis",
            },
        })
    }
}

pub(super) fn bus(source: &mut Source) -> Bus {
    let url = source.get("relay.bus", Anything, Secret::new("console"));
    let stream = source.get("relay.stream", Length(1..=255), "ROUTE_PLANNING".into());
    match url.reveal() {
        "console" => return Bus::Console,
        "off" => return Bus::Off,
        _ => {}
    }
    let Some((_, kind, feature, is_built)) =
        BROKERS.into_iter().find(|(scheme, ..)| url.reveal().starts_with(scheme))
    else {
        // What was given is not told: it may hold a password.
        source.refuse("relay.bus", "expected console, off, nats://…, amqp://… or redis://…");
        return Bus::Off;
    };
    if !is_built {
        let message = format!(
            "this program was built without that bus; build it with `--features {feature}`"
        );
        source.refuse("relay.bus", message);
    }
    Bus::Broker(Broker { kind, url, stream })
}

pub(super) fn topic(source: &mut Source) -> TopicRule {
    let Some(template) = source.find::<String>("relay.topic", Length(1..=255)) else {
        return TopicRule::default();
    };
    TopicRule::parse(&template).unwrap_or_else(|error: Error| {
        source.refuse("relay.topic", error.message());
        TopicRule::default()
    })
}
