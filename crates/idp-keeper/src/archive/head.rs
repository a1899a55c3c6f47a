//! How far an archive goes: written behind each segment, before the database is told that the segment is
//! there. Without it, the loss of the last segments could not be told from an archive that ends there.

use super::manifest::{LaneRange, Manifest};
use super::segment::sha256;
use super::store::ArchiveStore;
use bytes::Bytes;
use idp_application::{Error, ErrorKind, Lane};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// The last number that the archive has had of each lane. It only ever rises, whoever writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    lanes: BTreeMap<Lane, HeadLane>,
}

/// Where a lane ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeadLane {
    /// Its last number.
    pub(crate) last: i64,
    /// The manifest of the segment that has it; `None` of a number that was dropped and never archived.
    pub(crate) segment: Option<String>,
}

/// The object. Archives depend on it: members may be added, none changed.
#[derive(Serialize, Deserialize)]
struct Object {
    format: u32,
    lanes: Vec<ObjectLane>,
    /// Of the lanes, as they are written here without white space.
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct ObjectLane {
    lane: i16,
    last: i64,
    segment: Option<String>,
}

impl Head {
    const FORMAT: u32 = 1;
    pub(crate) const NAME: &'static str = "head.json";

    /// That of an archive that has these segments.
    pub(crate) fn of(segments: &[Manifest]) -> Self {
        let mut head = Self::default();
        segments.iter().for_each(|segment| head.cover(segment));
        head
    }

    /// The head that is in the archive. Fails with [`Corrupt`](ErrorKind::Corrupt) when it is damaged,
    /// and with [`Unsupported`](ErrorKind::Unsupported) when it is of another format.
    pub(crate) async fn find(store: &dyn ArchiveStore) -> Result<Option<Self>, Error> {
        match Self::find_object(store).await? {
            Some(object) => Self::from_object(&object).map(Some),
            None => Ok(None),
        }
    }

    /// Changes the head that is in the archive, and none that another has changed meanwhile. It is
    /// there, and durable, when this succeeds.
    pub(crate) async fn update(
        store: &dyn ArchiveStore,
        change: impl Fn(&mut Self),
    ) -> Result<(), Error> {
        for _ in 0..UPDATES_MAX {
            let before = Self::find_object(store).await?;
            let known = before.as_deref().map(Self::from_object).transpose()?;
            let mut head = known.clone().unwrap_or_default();
            change(&mut head);
            if known.as_ref() == Some(&head) {
                return Ok(());
            }
            if store.replace(Self::NAME, before, head.to_object()).await? {
                return Ok(());
            }
            sleep(UPDATE_PAUSE).await;
        }
        let message = format!("others changed `{}` {UPDATES_MAX} times meanwhile", Self::NAME);
        Err(Error::new(ErrorKind::Unavailable, "archive the log", message))
    }

    /// Goes as far as that segment does.
    pub(crate) fn cover(&mut self, segment: &Manifest) {
        let (name, _) = segment.to_object();
        for LaneRange { lane, last, .. } in segment.ranges() {
            self.reach(lane, last, Some(&name));
        }
    }

    /// Goes as far as that number, which no segment has.
    pub(crate) fn pass_over(&mut self, lane: Lane, last: i64) {
        self.reach(lane, last, None);
    }

    fn reach(&mut self, lane: Lane, last: i64, segment: Option<&str>) {
        let known = self.lanes.get(&lane).map_or(0, |known| known.last);
        if last > known {
            self.lanes.insert(lane, HeadLane { last, segment: segment.map(str::to_owned) });
        }
    }

    /// The last number of each lane.
    pub(crate) fn through(&self) -> BTreeMap<Lane, i64> {
        self.lanes.iter().map(|(lane, at)| (*lane, at.last)).collect()
    }

    pub(crate) fn lanes(&self) -> impl Iterator<Item = (Lane, &HeadLane)> {
        self.lanes.iter().map(|(lane, at)| (*lane, at))
    }

    async fn find_object(store: &dyn ArchiveStore) -> Result<Option<Bytes>, Error> {
        match store.get(Self::NAME).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            object => object.map(Some),
        }
    }

    fn to_object(&self) -> Bytes {
        let lanes: Vec<_> = self
            .lanes
            .iter()
            .map(|(lane, HeadLane { last, segment })| {
                let (lane, last, segment) = (lane.number(), *last, segment.clone());
                ObjectLane { lane, last, segment }
            })
            .collect();
        let sha256 = digest(&lanes);
        let object = Object { format: Self::FORMAT, lanes, sha256 };
        let mut text = serde_json::to_vec_pretty(&object).expect("texts and numbers serialize");
        text.push(b'\n');
        text.into()
    }

    fn from_object(object: &[u8]) -> Result<Self, Error> {
        let failed = |kind, message: String| {
            Error::new(kind, "read the archive", format!("`{}`: {message}", Self::NAME))
        };
        let object: Object = serde_json::from_slice(object)
            .map_err(|e| failed(ErrorKind::Corrupt, format!("it is damaged: {e}")))?;
        if object.format != Self::FORMAT {
            let message = format!("format {}, this build reads {}", object.format, Self::FORMAT);
            return Err(failed(ErrorKind::Unsupported, message));
        }
        if digest(&object.lanes) != object.sha256 {
            let message = "it is damaged: its SHA-256 is not the one it says".to_owned();
            return Err(failed(ErrorKind::Corrupt, message));
        }
        let lane = |lane: ObjectLane| {
            let ObjectLane { lane, last, segment } = lane;
            (Lane::from_number(lane), HeadLane { last, segment })
        };
        Ok(Self { lanes: object.lanes.into_iter().map(lane).collect() })
    }
}

fn digest(lanes: &[ObjectLane]) -> String {
    sha256(&serde_json::to_vec(lanes).expect("texts and numbers serialize"))
}

/// Each time that somebody else changed it first, somebody got on.
const UPDATES_MAX: u32 = 200;
const UPDATE_PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::archived_event::sample::event;
    use crate::archive::segment::Segment;

    fn manifest(ranges: &[(i16, i64, i64)]) -> Manifest {
        let mut segment = Segment::default();
        for (lane, first, last) in ranges {
            (*first..=*last).for_each(|number| segment.push(&event(*lane, number)));
        }
        segment.seal().expect("it has events").manifest
    }

    fn through(head: &Head) -> Vec<(i16, i64)> {
        head.through().into_iter().map(|(lane, last)| (lane.number(), last)).collect()
    }

    #[test]
    fn it_only_rises_whoever_writes_last() {
        let (early, late) = (manifest(&[(0, 1, 4), (1, 1, 2)]), manifest(&[(0, 3, 9)]));
        let mut head = Head::of(&[late.clone(), early.clone()]);
        assert_eq!(through(&head), [(0, 9), (1, 2)]);
        let before = head.clone();
        head.cover(&early);
        assert_eq!(head, before, "what a zombie wrote says nothing new");
        assert_eq!(head, Head::of(&[early, late]));
    }

    /// Archives depend on it: it must never change.
    #[test]
    fn the_object_is_frozen() {
        let manifest = manifest(&[(3, 1, 4)]);
        let (name, _) = manifest.to_object();
        let mut head = Head::of(&[manifest]);
        head.pass_over(Lane::from_number(5), 7);
        let lanes = format!(
            r#"[{{"lane":3,"last":4,"segment":"{name}"}},{{"lane":5,"last":7,"segment":null}}]"#
        );
        let expected: serde_json::Value = serde_json::from_str(&format!(
            r#"{{"format":1,"lanes":{lanes},"sha256":"{}"}}"#,
            sha256(lanes.as_bytes())
        ))
        .expect("JSON");
        let object = head.to_object();
        let written: serde_json::Value = serde_json::from_slice(&object).expect("JSON");
        assert_eq!(written, expected);
        assert_eq!(Head::from_object(&object).expect("it is whole"), head);
    }

    #[test]
    fn a_number_that_was_changed_is_damage_and_another_format_is_told() {
        let object = Head::of(&[manifest(&[(0, 1, 40)])]).to_object();
        let text = String::from_utf8(object.to_vec()).expect("text");
        let kind = |text: String| {
            Head::from_object(text.as_bytes()).expect_err("it is not as it was").kind()
        };
        assert_eq!(kind(text.replace("40", "39")), ErrorKind::Corrupt);
        assert_eq!(kind(text[..text.len() / 2].to_owned()), ErrorKind::Corrupt);
        assert_eq!(kind(text.replace("\"format\": 1", "\"format\": 2")), ErrorKind::Unsupported);
    }
}
