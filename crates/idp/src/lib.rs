//! The front door of idp: every crate of the framework under one name.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use idp_application as application;
pub use idp_domain as domain;

#[cfg(feature = "fanout")]
pub use idp_fanout as fanout;
#[cfg(feature = "http")]
pub use idp_http as http;
#[cfg(feature = "kafka")]
pub use idp_kafka as kafka;
#[cfg(feature = "keeper")]
pub use idp_keeper as keeper;
#[cfg(feature = "memory")]
pub use idp_memory as memory;
#[cfg(feature = "nats")]
pub use idp_nats as nats;
#[cfg(feature = "postgres")]
pub use idp_postgres as postgres;
#[cfg(feature = "postgres-cdc")]
pub use idp_postgres_cdc as postgres_cdc;
#[cfg(feature = "privacy")]
pub use idp_privacy as privacy;
#[cfg(feature = "projection")]
pub use idp_projection as projection;
#[cfg(feature = "pulsar")]
pub use idp_pulsar as pulsar;
#[cfg(feature = "rabbitmq")]
pub use idp_rabbitmq as rabbitmq;
#[cfg(feature = "redis")]
pub use idp_redis as redis;
#[cfg(feature = "relay")]
pub use idp_relay as relay;
#[cfg(feature = "settings")]
pub use idp_settings as settings;
#[cfg(feature = "sqlite")]
pub use idp_sqlite as sqlite;
#[cfg(feature = "telemetry")]
pub use idp_telemetry as telemetry;
#[cfg(feature = "webhook")]
pub use idp_webhook as webhook;

pub mod prelude;

/// The example of the project's README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
