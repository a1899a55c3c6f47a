//! Holds an archive against what it says of itself.

use super::manifest::LaneRange;
use super::order::Coverage;
use super::reading::Archive;
use super::recorded::RecordedLanes;
use super::segment::FOLDER;
use idp_application::{Error, ErrorKind, Lane};
use idp_domain::Uuid;
use std::collections::{BTreeMap, BTreeSet};

/// What was found in an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveReport {
    /// How many segments it has.
    pub segments: u64,
    /// How many different events could be read.
    pub events: u64,
    /// What it has of each lane, but for the gaps.
    pub lanes: Vec<LaneRange>,
    /// Numbers that it lacks, from where it began to the last that it is known to have had.
    pub gaps: Vec<LaneRange>,
    /// What is wrong with its files, in words. Their events are not counted.
    pub damages: Vec<String>,
    /// Files that belong to no segment: left by a process that died before it wrote the manifest. They
    /// may be deleted when no keeper runs.
    pub unreferenced: Vec<String>,
}

impl ArchiveReport {
    /// Whether it has no gaps and no damage.
    pub fn is_whole(&self) -> bool {
        self.gaps.is_empty() && self.damages.is_empty()
    }
}

impl Archive {
    /// Reads everything, and says what it found. Holds one segment in memory.
    ///
    /// Fails when the archive cannot be reached; damage is no failure, but is told.
    pub async fn verify(&self) -> Result<ArchiveReport, Error> {
        self.verify_coverage(self.coverage()).await
    }

    /// As [`verify`](Self::verify), and holds the archive against what its database recorded: that
    /// tells also when its end is lost and whatever says so with it. Ask the database **before** the
    /// archive is opened: what is recorded then is in the archive.
    pub async fn verify_against(&self, recorded: &RecordedLanes) -> Result<ArchiveReport, Error> {
        self.verify_coverage(self.coverage_through(recorded.lanes())).await
    }

    async fn verify_coverage(&self, coverage: Coverage) -> Result<ArchiveReport, Error> {
        let mut report = ArchiveReport {
            segments: u64::try_from(self.segments.len()).unwrap_or(u64::MAX),
            gaps: coverage.gaps,
            lanes: coverage.lanes,
            damages: self.damages.to_vec(),
            ..ArchiveReport::default()
        };
        let mut twice = Twice::new(coverage.overlaps);
        for at in 0..self.segments.len() {
            match self.segment(at).await {
                Ok(events) => {
                    for event in events {
                        let id = event.envelope.event_id;
                        match twice.meet(event.lane, event.number, id) {
                            Met::First => report.events += 1,
                            Met::Again => {}
                            Met::Another => report.damages.push(format!(
                                "number {} of {:?} is one event in one segment, and another in \
                                 another",
                                event.number, event.lane
                            )),
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    report.damages.push(error.message().to_owned());
                }
                Err(error) => return Err(error),
            }
        }
        report.unreferenced = self.unreferenced().await?;
        Ok(report)
    }

    async fn unreferenced(&self) -> Result<Vec<String>, Error> {
        let known: BTreeSet<&str> = self.segments.iter().map(|m| m.file.name.as_str()).collect();
        let mut names = self.store.list(FOLDER).await?;
        names.retain(|name| !known.contains(name.as_str()));
        Ok(names)
    }
}

/// The events under numbers that several segments have.
struct Twice {
    overlaps: BTreeMap<Lane, Vec<(i64, i64)>>,
    met: BTreeMap<(Lane, i64), Uuid>,
}

enum Met {
    First,
    Again,
    Another,
}

impl Twice {
    fn new(overlaps: Vec<LaneRange>) -> Self {
        let mut by_lane: BTreeMap<Lane, Vec<(i64, i64)>> = BTreeMap::new();
        for LaneRange { lane, first, last } in overlaps {
            by_lane.entry(lane).or_default().push((first, last));
        }
        Self { overlaps: by_lane, met: BTreeMap::new() }
    }

    fn meet(&mut self, lane: Lane, number: i64, id: Uuid) -> Met {
        let ranges = self.overlaps.get(&lane);
        let is_twice = |(first, last): &(i64, i64)| (*first..=*last).contains(&number);
        if !ranges.is_some_and(|ranges| ranges.iter().any(is_twice)) {
            return Met::First;
        }
        match self.met.insert((lane, number), id) {
            None => Met::First,
            Some(known) if known == id => Met::Again,
            Some(_) => Met::Another,
        }
    }
}
