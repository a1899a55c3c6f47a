//! What a segment of an archive is about. It is written last: a segment without one is not there.

use super::segment::sha256;
use idp_application::{Error, ErrorKind, Lane};
use idp_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// A range of numbers of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LaneRange {
    /// The lane.
    pub lane: Lane,
    /// The first number.
    pub first: i64,
    /// The last number.
    pub last: i64,
}

/// What a segment is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The version of this format.
    pub(crate) format: u32,
    /// How many events.
    pub(crate) events: u64,
    pub(crate) window_first: i64,
    pub(crate) window_last: i64,
    pub(crate) position_first: i64,
    pub(crate) position_last: i64,
    /// The earliest and the latest time of its events.
    pub(crate) occurred_first: Timestamp,
    pub(crate) occurred_last: Timestamp,
    /// The numbers that it has of each lane, by lane.
    pub(crate) lanes: Vec<ManifestLane>,
    /// Where its events are.
    pub(crate) file: ManifestFile,
}

/// All numbers of a lane from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestLane {
    pub(crate) lane: i16,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// A file of compressed lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestFile {
    pub(crate) name: String,
    /// Compressed.
    pub(crate) bytes: u64,
    /// Of the compressed bytes, in hexadecimal digits.
    pub(crate) sha256: String,
}

impl Manifest {
    /// The version of the format that this build writes, and the only one that it reads.
    pub(crate) const FORMAT: u32 = 1;
    /// The folder of manifests.
    pub(crate) const FOLDER: &'static str = "segments";

    /// The manifest under a name that says where it begins, and what is in it: whatever has the same
    /// name is the same.
    pub(crate) fn to_object(&self) -> (String, Vec<u8>) {
        let mut object = serde_json::to_vec_pretty(self).expect("texts and numbers serialize");
        object.push(b'\n');
        (self.name_of(&object), object)
    }

    fn name_of(&self, object: &[u8]) -> String {
        let Self { window_first, position_first, .. } = self;
        let digest = sha256(object);
        format!("{}/{window_first:019}-{position_first:019}-{}.json", Self::FOLDER, &digest[..16])
    }

    /// Reads a manifest. Fails with [`Corrupt`](ErrorKind::Corrupt) when it is not what its name says,
    /// and with [`Unsupported`](ErrorKind::Unsupported) when it is of another format.
    pub(crate) fn from_object(name: &str, object: &[u8]) -> Result<Self, Error> {
        let failed = |kind, message: String| {
            Err(Error::new(kind, "read the archive", format!("`{name}`: {message}")))
        };
        let format = serde_json::from_slice(object).map(|Format { format }| format);
        if let Some(format) = format.ok().filter(|format| *format != Self::FORMAT) {
            let message = format!("it has format {format}, this build reads {}", Self::FORMAT);
            return failed(ErrorKind::Unsupported, message);
        }
        let manifest: Self = match serde_json::from_slice(object) {
            Ok(manifest) => manifest,
            Err(e) => return failed(ErrorKind::Corrupt, e.to_string()),
        };
        if manifest.name_of(object) != name {
            return failed(ErrorKind::Corrupt, "it is not what its name says".into());
        }
        Ok(manifest)
    }

    pub(crate) fn ranges(&self) -> impl Iterator<Item = LaneRange> {
        self.lanes.iter().map(|range| LaneRange {
            lane: Lane::from_number(range.lane),
            first: range.first,
            last: range.last,
        })
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}
