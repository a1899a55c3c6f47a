//! What is recorded while a run goes on: the history that the testkit checks, with marks between its
//! lines that say what the nemesis did. The order of the
//! lines is that in which they were written; a process may note late what it did.

use crate::failure::Outcome;
use idp_domain::Uuid;
use idp_testkit::{Entry, parse_line};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Something that the nemesis did or saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mark {
    /// A fault began.
    Began { fault: String },
    /// The fault is over: what is needed to go on is there.
    Healed { fault: String },
    /// All that had been committed when it was healed has arrived everywhere.
    Drained { fault: String },
    /// It did not arrive within the bound; so many events are missing.
    Stuck { fault: String, left: usize },
    /// A relay process was started.
    Started { process: u64 },
    /// A relay process was asked to stop, and did; gracefully or not.
    Stopped { process: u64, is_graceful: bool },
    /// Processes are stopped and started gracefully from here.
    StopsBegan,
    /// To here.
    StopsEnded,
    /// A transaction that has written events of this aggregate is open from here.
    Held { aggregate: Uuid },
    /// It still is. What others committed until here must arrive before it ends.
    StillHeld { aggregate: Uuid },
    /// The transaction may commit from here.
    LetGo { aggregate: Uuid },
    /// The wall clock of a relay process was seen to jump so far.
    ClockStepped { process: u64, seconds: i64 },
    /// What the bus of a worker says about itself.
    Declared { stores_once: bool, fences: bool },
    /// This worker sends messages of the lane under this epoch.
    Tenure { worker: Uuid, lane: i16, epoch: i64 },
    /// These keys are parked now, and are about to be resumed or discarded.
    Resuming { parked: Vec<Uuid> },
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Line {
    Mark { mark: Mark },
    Entry(Entry),
}

/// Appends a line in one write.
pub(crate) fn append(path: &Path, line: &Line) -> Outcome {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    let mut file = File::options().create(true).append(true).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// A history that is read while it grows.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    read: u64,
    /// What was read so far.
    pub(crate) lines: Vec<Line>,
    /// The events that arrived, by these lines.
    pub(crate) arrived: HashSet<Uuid>,
}

impl Journal {
    pub(crate) fn of(path: PathBuf) -> Self {
        Self { path, read: 0, lines: Vec::new(), arrived: HashSet::new() }
    }

    /// Reads what has come since. A line without an end is left for later; when its writer was killed in
    /// the middle of it, it is passed over once another one has written behind it.
    pub(crate) fn read_on(&mut self) -> Outcome {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        for line in text[..whole].lines() {
            let line = parse_line(line).map_err(|error| format!("{line}: {error}"))?;
            if let Line::Entry(Entry::Delivery(delivery)) = &line {
                self.arrived.insert(delivery.event);
            }
            self.lines.push(line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_once_and_half_ones_later() {
        let folder = tempfile::tempdir().expect("the temp dir is writable");
        let path = folder.path().join("h.jsonl");
        let lines = [
            Line::Mark { mark: Mark::Began { fault: "x".to_owned() } },
            Line::Entry(Entry::Discarded(Uuid::from_u128(1))),
        ];
        let mut journal = Journal::of(path.clone());
        journal.read_on().expect("no file is an empty one");
        append(&path, &lines[0]).expect("it is ours");
        journal.read_on().expect("it can be read");
        assert_eq!(journal.lines, lines[..1]);
        let text = serde_json::to_string(&lines[1]).expect("it serializes");
        let mut file = File::options().append(true).open(&path).expect("it is there");
        file.write_all(&text.as_bytes()[..5]).expect("it is ours");
        journal.read_on().expect("it can be read");
        assert_eq!(journal.lines.len(), 1);
        file.write_all(&text.as_bytes()[5..]).expect("it is ours");
        file.write_all(b"\n").expect("it is ours");
        journal.read_on().expect("it can be read");
        assert_eq!(journal.lines, lines);
        file.write_all(&text.as_bytes()[..9]).expect("it is ours");
        journal.read_on().expect("it can be read");
        append(&path, &lines[0]).expect("it is ours");
        journal.read_on().expect("what a killed process left is passed over");
        assert_eq!(journal.lines[2..], lines[..1]);
    }
}
