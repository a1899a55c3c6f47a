//! Where a run takes place: what every process of it has to know.

use crate::bus::Bus;
use crate::failure::Outcome;
use idp_application::{LaneCount, WorkerId};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_postgres::{PgOptions, PgStore};
use idp_testkit::{Recorder, TallyId};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How many events a relay reads and sends at once.
pub(crate) const BATCH_SIZE: u32 = 50;

/// How many tallies the writers share.
pub(crate) const TALLIES: u64 = 200;

const PLACE: &str = "IDP_CHAOS_PLACE";
const TENANTS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];

/// What carries events to the buses: a relay for each, in every relay process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A bus that records what arrives.
    Plain,
    /// One that also refuses poisoned keys.
    Picky,
    /// The bus that the run is about.
    Broker,
}

impl Target {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Picky, Self::Broker];

    /// The name of the reader.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Picky => "picky",
            Self::Broker => "broker",
        }
    }

    /// The worker that serves it in that relay process.
    pub(crate) fn worker(self, process: u64) -> WorkerId {
        let at = Self::ALL.iter().position(|target| *target == self).unwrap_or_default();
        WorkerId(Uuid::from_u128(u128::from(process) * 10 + at as u128))
    }
}

/// What a process is told when it is started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The URL of PostgreSQL, perhaps through a proxy.
    pub(crate) postgres: String,
    /// The bus that the run is about.
    pub(crate) bus: Bus,
    /// Where its broker is, perhaps through a proxy.
    pub(crate) broker: String,
    /// Where the broker is for those who prepare and read it.
    pub(crate) admin: String,
    /// The schema of the run.
    pub(crate) schema: String,
    /// What the run calls its stream, topic, queue or exchange at the broker.
    pub(crate) stream: String,
    /// The folder of its histories.
    pub(crate) folder: PathBuf,
    /// The number of the process, which no other of the run has.
    pub(crate) process: u64,
    /// The chance of the process.
    pub(crate) seed: u64,
}

impl Place {
    /// What the parent told this process.
    pub(crate) fn told() -> Outcome<Self> {
        Ok(serde_json::from_str(&std::env::var(PLACE)?)?)
    }

    /// What to tell a child, as a variable of its environment.
    pub(crate) fn variable(&self) -> Outcome<(&'static str, String)> {
        Ok((PLACE, serde_json::to_string(self)?))
    }

    /// The history of a target. That of the plain one has everything else, too.
    pub(crate) fn history(&self, target: Target) -> PathBuf {
        self.folder.join(format!("{}.jsonl", target.name()))
    }

    /// Appends to the history of a target.
    pub(crate) fn recorder(&self, target: Target) -> Outcome<Recorder> {
        Ok(Recorder::new(BATCH_SIZE).appending_to(self.history(target))?)
    }

    /// While this file is there, the picky bus takes everything.
    pub(crate) fn cure(&self) -> PathBuf {
        self.folder.join("cure")
    }

    /// A store on the schema, whose connections ask for these settings.
    pub(crate) async fn store(&self, settings: &str) -> Outcome<PgStore> {
        let name = format!("application_name={}", self.schema);
        let url = format!("{}?{name}{settings}", self.postgres);
        let lanes = LaneCount::new(self.bus.lanes()).ok_or("so many lanes cannot be")?;
        let options =
            PgOptions { schema: Some(self.schema.clone()), lanes, ..PgOptions::default() };
        Ok(PgStore::connect(&url, options).await?)
    }
}

/// A tally of the run.
pub(crate) fn tally(number: u64) -> TallyId {
    TallyId::from_uuid(Uuid::from_u128(u128::from(number)))
}

/// Whose it is.
pub(crate) fn tenant(number: u64) -> TenantId {
    let at = (number % TENANTS.len() as u64) as usize;
    TenantId::new(TENANTS[at]).expect("the names above are valid")
}

/// One key of a hundred is refused by the picky bus.
pub(crate) fn is_poisoned(aggregate: Uuid) -> bool {
    aggregate.as_u128() % 100 == 7
}
