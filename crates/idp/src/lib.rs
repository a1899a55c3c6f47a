//! The front door of idp: every crate of the framework under one name.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use idp_application as application;
pub use idp_domain as domain;

#[cfg(feature = "http")]
pub use idp_http as http;
#[cfg(feature = "memory")]
pub use idp_memory as memory;
#[cfg(feature = "postgres")]
pub use idp_postgres as postgres;
#[cfg(feature = "postgres-cdc")]
pub use idp_postgres_cdc as postgres_cdc;
#[cfg(feature = "projection")]
pub use idp_projection as projection;
#[cfg(feature = "relay")]
pub use idp_relay as relay;
#[cfg(feature = "settings")]
pub use idp_settings as settings;
#[cfg(feature = "sqlite")]
pub use idp_sqlite as sqlite;

pub mod prelude;

/// The example of the project's README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
