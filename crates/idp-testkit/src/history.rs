//! What happened, as far as the guarantees are about it: who meant to commit which events, what
//! arrived where, and what was done to the system meanwhile.

use idp_domain::{TenantId, Uuid};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{self, BufRead};

/// One line of a history. Several processes may append lines to one file, each line in one write;
/// the order of the deliveries in the file then is the order of their arrival.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Somebody commits events. Written before with the outcome unknown, and again after.
    Intent(Intent),
    /// A message arrived.
    Delivery(Delivery),
    /// Something was done to the system that may cost duplicates.
    Fault(Fault),
    /// An operator decided that this event is never to be sent.
    Discarded(Uuid),
}

/// The events of one aggregate in one commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Whose aggregate.
    pub tenant: TenantId,
    /// Which aggregate.
    pub aggregate: Uuid,
    /// The version that the commit led to.
    pub version: i64,
    /// The events, in order.
    pub events: Vec<Uuid>,
    /// Those of them that are scheduled: they need not arrive in order.
    #[serde(default)]
    pub scheduled: Vec<Uuid>,
    /// What became of the commit.
    pub outcome: Outcome,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It said that it was done.
    Committed,
    /// It said that it was not done.
    RolledBack,
    /// It did not say: its events may arrive or not.
    Unknown,
}

/// A message that arrived at the bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Who sent it.
    pub worker: Uuid,
    /// The lane it came by.
    pub lane: i16,
    /// The stream that it is numbered in.
    pub stream: String,
    /// The epoch of the sender's lease.
    pub epoch: i64,
    /// Its number in the stream.
    pub sequence: i64,
    /// The event.
    pub event: Uuid,
}

/// What may cost duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The worker was killed, or cut off or stopped for so long that it may have lost its leases.
    LeasesLost {
        /// Which one.
        worker: Uuid,
    },
    /// The bus took messages over and did not say so.
    AmbiguousSend {
        /// Who sent them.
        worker: Uuid,
        /// In which lane.
        lane: i16,
        /// Under which epoch.
        epoch: i64,
        /// How many.
        messages: u64,
    },
}

/// What a line says that one of several processes appended to a file. What a killed one left in front of it,
/// a line without an end, is passed over.
///
/// Fails when the line does not end with a whole one.
pub fn parse_line<T: DeserializeOwned>(line: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(line).or_else(|error| {
        let rests = line.match_indices(r#"{""#).map(|(at, _)| &line[at..]);
        rests.filter_map(|rest| serde_json::from_str(rest).ok()).next().ok_or(error)
    })
}

/// A fault, and when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happened {
    /// What was done.
    pub fault: Fault,
    /// How many messages had arrived by then; `None` where deliveries and faults were recorded apart. What is
    /// known to be later or earlier than a fault is not explained by it.
    pub after: Option<usize>,
}

impl From<Fault> for Happened {
    /// Nobody knows when.
    fn from(fault: Fault) -> Self {
        Self { fault, after: None }
    }
}

/// A recorded run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// How many messages a worker may have under way in one lane.
    pub batch_size: u64,
    /// Who meant to commit what.
    pub intents: Vec<Intent>,
    /// What arrived, in the order of its arrival.
    pub deliveries: Vec<Delivery>,
    /// What was done to the system.
    pub faults: Vec<Happened>,
    /// What operators discarded.
    pub discarded: Vec<Uuid>,
    /// Whether events are left out of the streams: filtered out, or set aside. Then numbers rise, but
    /// need not be dense.
    pub has_gaps: bool,
}

impl History {
    /// An empty history of workers with batches of that size.
    pub fn new(batch_size: u32) -> Self {
        Self { batch_size: batch_size.into(), ..Self::default() }
    }

    /// Adds what a file of lines says. A line without an end is what a killed process left behind; it is
    /// passed over, at the end of the file and in front of the line of another process. Fails when any
    /// other line is not an [`Entry`], and says which.
    pub fn read(&mut self, mut file: impl BufRead) -> io::Result<()> {
        let mut line = String::new();
        for number in 1.. {
            line.clear();
            file.read_line(&mut line)?;
            if !line.ends_with('\n') {
                break;
            }
            let entry = parse_line(&line).map_err(|e| {
                io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {e}"))
            })?;
            self.push(entry);
        }
        Ok(())
    }

    /// Adds one entry.
    pub fn push(&mut self, entry: Entry) {
        match entry {
            Entry::Intent(intent) => self.intents.push(intent),
            Entry::Delivery(delivery) => self.deliveries.push(delivery),
            Entry::Fault(fault) => {
                let after = Some(self.deliveries.len());
                self.faults.push(Happened { fault, after });
            }
            Entry::Discarded(event) => self.discarded.push(event),
        }
    }

    /// The intents with what is known of them in the end, each once. Intents without events say
    /// nothing and are left out.
    pub(crate) fn settled_intents(&self) -> Vec<&Intent> {
        let mut settled: Vec<&Intent> = Vec::new();
        let mut places = HashMap::new();
        for intent in &self.intents {
            let Some(first) = intent.events.first() else { continue };
            let place = *places.entry(first).or_insert(settled.len());
            match settled.get_mut(place) {
                None => settled.push(intent),
                Some(known) if known.outcome == Outcome::Unknown => *known = intent,
                Some(_) => {}
            }
        }
        settled
    }
}
