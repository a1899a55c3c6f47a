//! What can be set, in a TOML file or as `ROUTE_PLANNING__…` in the environment, which wins.

mod bus;
mod log;
mod metrics;

pub use bus::{Broker, BrokerKind, Bus};
pub use log::LogSettings;
pub use metrics::MetricsListen;

use idp::http::{Authenticator, VerificationKey};
use idp::relay::TopicRule;
use idp::settings::{Anything, Length, Secret, SettingsError, Source};
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The prefix of the variables.
pub const PREFIX: &str = "ROUTE_PLANNING";

/// Every setting, checked.
#[derive(Clone)]
pub struct Settings {
    /// `database.url`: the one setting that chooses the database.
    pub database: Database,
    /// `server.listen`
    pub listen: SocketAddr,
    /// `auth.issuer`, `auth.audience`, `auth.key`; `None` when nobody asked for them.
    pub auth: Option<Authenticator>,
    /// `relay.*`
    pub relay: RelaySettings,
    /// `log.*`
    pub log: LogSettings,
    /// `metrics.listen`
    pub metrics: MetricsListen,
}

/// Where everything is kept.
#[derive(Clone)]
pub enum Database {
    /// `sqlite:FILE`
    Sqlite(PathBuf),
    /// A server.
    Postgres(Postgres),
}

/// A database on a PostgreSQL server.
#[derive(Clone)]
pub struct Postgres {
    /// `postgres://…`, which may hold a password.
    pub url: Secret,
    /// `database.partition_size`: how many events a partition of the log has, for those that are made
    /// from now on. What is dropped is whole partitions.
    pub partition_size: u32,
}

impl fmt::Display for Database {
    /// Without the password that a URL may hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "the SQLite file {}", file.display()),
            Self::Postgres(_) => f.write_str("PostgreSQL"),
        }
    }
}

/// How events leave.
#[derive(Clone)]
pub struct RelaySettings {
    /// `relay.bus`: the console, a broker, or `off` for when another process relays.
    pub bus: Bus,
    /// `relay.topic`: under which topic, by a template; the type of the aggregate unless it is said.
    pub topic: TopicRule,
    /// `relay.poll_interval`: how often to look for commits of other processes.
    pub poll_interval: Duration,
}

/// What the settings are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Serving callers with tokens of a real issuer.
    Production,
    /// Serving a developer, who is alone with the machine.
    Development,
    /// A command that serves nobody.
    Tool,
}

impl Settings {
    /// Reads and checks everything. The error holds every fault.
    pub fn load<K: Into<OsString>, V: Into<OsString>>(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (K, V)>,
        purpose: Purpose,
    ) -> Result<Self, SettingsError> {
        let mut source = Source::load(file, variables, PREFIX);
        let settings = Self {
            database: database(&mut source),
            listen: listen(&mut source, purpose),
            auth: auth(&mut source, purpose),
            relay: relay(&mut source),
            log: log::log(&mut source),
            metrics: metrics::listen(&mut source),
        };
        source.finish().map(|()| settings)
    }
}

fn database(source: &mut Source) -> Database {
    let usual = Secret::new("sqlite:route-planning.db");
    let url = source.get("database.url", Anything, usual);
    let partition_size = source.get("database.partition_size", 10..=1_000_000_000, 1_000_000);
    let sqlite = url.reveal().strip_prefix("sqlite:").filter(|file| !file.is_empty());
    if let Some(file) = sqlite {
        return Database::Sqlite(file.into());
    }
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.reveal().starts_with(scheme)) {
        source.refuse("database.url", "expected sqlite:FILE or postgres://USER@HOST/DATABASE");
    }
    Database::Postgres(Postgres { url, partition_size })
}

fn listen(source: &mut Source, purpose: Purpose) -> SocketAddr {
    let usual = SocketAddr::from(([127, 0, 0, 1], 8080));
    let Some(text) = source.find::<String>("server.listen", Anything) else { return usual };
    let listen = text.parse().unwrap_or_else(|_| {
        source.refuse("server.listen", format!("expected IP:PORT such as {usual}, got {text}"));
        usual
    });
    if purpose == Purpose::Development && !listen.ip().is_loopback() {
        let message = format!(
            "development lets everybody in, so it listens on a loopback address, not {listen}"
        );
        source.refuse("server.listen", message);
    }
    listen
}

fn auth(source: &mut Source, purpose: Purpose) -> Option<Authenticator> {
    if purpose != Purpose::Production {
        // Asked for, so that a file serves every command.
        for key in ["auth.issuer", "auth.audience", "auth.key"] {
            source.find::<String>(key, Anything);
        }
        return None;
    }
    let issuer: String = source.require("auth.issuer", Length(1..=500));
    let audience: String = source.require("auth.audience", Length(1..=500));
    let key = key(source);
    if issuer.is_empty() || audience.is_empty() {
        return None; // Those faults are recorded.
    }
    let authenticator = Authenticator::new([key?], issuer, audience);
    authenticator.map_err(|error| source.refuse("auth", error.to_string())).ok()
}

fn key(source: &mut Source) -> Option<VerificationKey> {
    let pem: String = source.require("auth.key", Length(1..=2_000));
    if pem.is_empty() {
        return None; // That fault is recorded.
    }
    let key = VerificationKey::ed25519_pem(&pem);
    key.map_err(|error| source.refuse("auth.key", error.to_string())).ok()
}

fn relay(source: &mut Source) -> RelaySettings {
    let milliseconds = Duration::from_millis;
    let polls = milliseconds(10)..=milliseconds(60_000);
    RelaySettings {
        bus: bus::bus(source),
        topic: bus::topic(source),
        poll_interval: source.get("relay.poll_interval", polls, milliseconds(500)),
    }
}
