//! A segment: events of a range of windows, in one compressed file.
//!
//! Its bytes are a function of the numbers that it has of each lane, and of nothing else: not of when
//! or by whom it is written, nor of how its events were read.

use super::archived_event::ArchivedEvent;
use super::manifest::{Manifest, ManifestFile, ManifestLane};
use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use idp_application::{Cursor, Error, ErrorKind, Lane};
use idp_domain::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// Events that are to be archived together.
#[derive(Default)]
pub(crate) struct Segment {
    lines: Vec<(Cursor, String)>,
    bytes: u64,
    /// The first and the last number of each lane.
    lanes: BTreeMap<Lane, (i64, i64)>,
    occurred: Option<(Timestamp, Timestamp)>,
}

/// A segment as it is stored.
pub(crate) struct Sealed {
    pub(crate) manifest: Manifest,
    pub(crate) file: Bytes,
}

impl Segment {
    /// Adds an event. Those of a lane must come by rising number, without gaps.
    pub(crate) fn push(&mut self, event: &ArchivedEvent) {
        let line = event.to_line();
        let number = event.number;
        self.bytes += u64::try_from(line.len()).unwrap_or(u64::MAX);
        self.lanes.entry(event.lane).or_insert((number, number)).1 = number;
        let at = event.envelope.occurred_at;
        let (first, last) = self.occurred.unwrap_or((at, at));
        self.occurred = Some((first.min(at), last.max(at)));
        self.lines.push((event.cursor, line));
    }

    /// The size of its lines before they are compressed.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Compresses it; `None` when it has no event. Takes a second for each 20 MiB or so.
    pub(crate) fn seal(mut self) -> Option<Sealed> {
        self.lines.sort_by_key(|(cursor, _)| *cursor);
        let ((first, _), (last, _)) = (self.lines.first()?, self.lines.last()?);
        let (occurred_first, occurred_last) = self.occurred?;
        let positions = || self.lines.iter().map(|(cursor, _)| cursor.position);
        let file = compressed(self.lines.iter().map(|(_, line)| line.as_str()));
        let sha256 = sha256(&file);
        let (window_first, position_first) = (first.window, first.position);
        let place = format!("{window_first:019}-{position_first:019}-{}", &sha256[..16]);
        let lanes = self.lanes.iter().map(|(lane, (first, last))| ManifestLane {
            lane: lane.number(),
            first: *first,
            last: *last,
        });
        let manifest = Manifest {
            format: Manifest::FORMAT,
            events: u64::try_from(self.lines.len()).unwrap_or(u64::MAX),
            window_first,
            window_last: last.window,
            position_first,
            position_last: positions().max()?,
            occurred_first,
            occurred_last,
            lanes: lanes.collect(),
            file: ManifestFile {
                name: format!("{FOLDER}/{place}.jsonl.gz"),
                bytes: u64::try_from(file.len()).unwrap_or(u64::MAX),
                sha256,
            },
        };
        Some(Sealed { manifest, file: file.into() })
    }
}

/// The folder of events.
pub(crate) const FOLDER: &str = "events";

/// The events of a file, in the order of the log. Fails with [`Corrupt`](ErrorKind::Corrupt) when the
/// file is not what the manifest says.
pub(crate) fn events_of(manifest: &Manifest, file: &[u8]) -> Result<Vec<ArchivedEvent>, Error> {
    let name = &manifest.file.name;
    let corrupt = |message: String| {
        Error::new(ErrorKind::Corrupt, "read the archive", format!("`{name}`: {message}"))
    };
    if sha256(file) != manifest.file.sha256 {
        return Err(corrupt("its SHA-256 is not that of its manifest".into()));
    }
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).map_err(|e| corrupt(e.to_string()))?;
    let events = text.lines().map(ArchivedEvent::from_line).collect::<Result<Vec<_>, _>>();
    let events = events.map_err(|e| corrupt(e.message().to_owned()))?;
    check_numbers(manifest, &events).map_err(corrupt)?;
    Ok(events)
}

/// Whether the file has just the numbers that the manifest names.
fn check_numbers(manifest: &Manifest, events: &[ArchivedEvent]) -> Result<(), String> {
    let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
    if count != manifest.events {
        return Err(format!("it has {count} events, its manifest says {}", manifest.events));
    }
    let mut next: BTreeMap<Lane, (i64, i64)> =
        manifest.ranges().map(|range| (range.lane, (range.first, range.last))).collect();
    for ArchivedEvent { lane, number, .. } in events {
        match next.get_mut(lane) {
            Some((next, last)) if number == next && number <= last => *next += 1,
            _ => return Err(format!("number {number} of {lane:?} is not where it belongs")),
        }
    }
    match next.into_iter().find(|(_, (next, last))| next <= last) {
        None => Ok(()),
        Some((lane, (next, _))) => Err(format!("number {next} of {lane:?} is missing")),
    }
}

/// gzip (RFC 1952) without a time, a name or an operating system.
fn compressed<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .operating_system(UNKNOWN)
        .write(Vec::new(), Compression::default());
    for line in lines {
        encoder.write_all(line.as_bytes()).expect("memory takes everything");
    }
    encoder.finish().expect("memory takes everything")
}

/// The operating system that gzip calls unknown.
const UNKNOWN: u8 = 255;

/// In hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::archived_event::sample::event;

    fn sealed(events: &[(i16, i64)]) -> Sealed {
        let mut segment = Segment::default();
        events.iter().for_each(|(lane, number)| segment.push(&event(*lane, *number)));
        segment.seal().expect("it has events")
    }

    #[test]
    fn the_same_events_give_the_same_bytes_however_they_were_read() {
        let one = sealed(&[(1, 1), (1, 2), (0, 5), (0, 6)]);
        let other = sealed(&[(0, 5), (1, 1), (0, 6), (1, 2)]);
        assert_eq!(one.file, other.file);
        assert_eq!(one.manifest.to_object(), other.manifest.to_object());
        assert!(Segment::default().seal().is_none());
    }

    #[test]
    fn a_segment_comes_back_in_the_order_of_the_log() {
        let Sealed { manifest, file } = sealed(&[(1, 9), (1, 10), (0, 5)]);
        let events = events_of(&manifest, &file).expect("it is whole");
        assert_eq!(events, [event(0, 5), event(1, 9), event(1, 10)]);
        let (name, object) = manifest.to_object();
        assert_eq!(Manifest::from_object(&name, &object).expect("it is whole"), manifest);
        assert_eq!((manifest.window_first, manifest.window_last), (0, 1));
    }

    #[test]
    fn damage_of_the_file_or_the_manifest_is_told() {
        let Sealed { manifest, file } = sealed(&[(0, 1), (0, 2), (0, 3)]);
        let told = |manifest: &Manifest, file: &[u8]| {
            let error = events_of(manifest, file).expect_err("it is damaged");
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            error.message().to_owned()
        };
        let mut flipped = file.to_vec();
        flipped[20] ^= 1;
        assert!(told(&manifest, &flipped).contains("SHA-256"));
        assert!(told(&manifest, &file[..file.len() - 1]).contains("SHA-256"));

        let lying = |change: fn(&mut Manifest)| {
            let mut manifest = manifest.clone();
            change(&mut manifest);
            manifest
        };
        assert!(told(&lying(|m| m.events = 2), &file).contains("3 events"));
        assert!(told(&lying(|m| m.lanes[0].last = 4), &file).contains("4 of Lane(0) is missing"));
        assert!(told(&lying(|m| m.lanes[0].first = 2), &file).contains("number 1 of Lane(0)"));

        let (name, mut object) = manifest.to_object();
        object[30] ^= 1;
        Manifest::from_object(&name, &object).expect_err("it is not what its name says");
        let later = lying(|m| m.format = 2).to_object();
        let error = Manifest::from_object(&later.0, &later.1).expect_err("a later format");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
