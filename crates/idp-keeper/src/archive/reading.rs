//! Reads an archive.

use super::archived_event::ArchivedEvent;
use super::head::{Head, HeadLane};
use super::manifest::{LaneRange, Manifest};
use super::order::{Coverage, Turn, coverage, in_order};
use super::origin::Origin;
use super::segment::events_of;
use super::selection::ArchiveSelection;
use super::store::ArchiveStore;
use idp_application::{Error, ErrorKind, Lane};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An archive as it was when it was opened.
///
/// Every file is held against its manifest when it is read: its hash, the number of its events, and
/// their numbers in their lanes.
#[derive(Clone)]
pub struct Archive {
    pub(crate) store: Arc<dyn ArchiveStore>,
    pub(crate) segments: Arc<[Manifest]>,
    origin: Arc<Origin>,
    head: Arc<Head>,
    /// What says how far the archive goes, and is not as it should be.
    pub(crate) damages: Arc<[String]>,
}

impl Archive {
    /// Reads what the archive has: its manifests, not its events.
    ///
    /// Fails with [`Corrupt`](ErrorKind::Corrupt) when a manifest, the origin or the head is damaged, and
    /// with [`Unsupported`](ErrorKind::Unsupported) when one was written in another format.
    pub async fn open(store: Arc<dyn ArchiveStore>) -> Result<Self, Error> {
        // What the head names was there before the head, and stays; it is there before all segments.
        let mut head = Head::find(&*store).await?;
        let mut names = store.list(Manifest::FOLDER).await?;
        if head.is_none() && !names.is_empty() {
            head = Head::find(&*store).await?;
            names = store.list(Manifest::FOLDER).await?;
        }
        let origin = Origin::find(&*store).await?;
        let mut segments = Vec::new();
        for name in &names {
            segments.push(Manifest::from_object(name, &store.get(name).await?)?);
        }
        let damages = missing(origin.is_some(), head.as_ref(), &names);
        let (origin, head) = (origin.unwrap_or_default(), head.unwrap_or_default());
        let (origin, head) = (Arc::new(origin), Arc::new(head));
        Ok(Self { store, segments: segments.into(), origin, head, damages: damages.into() })
    }

    /// What it has of each lane: from its first number to its last, but for the [gaps](Self::gaps). A
    /// first number above 1 says that events were dropped before the archive was a reader.
    pub fn lanes(&self) -> Vec<LaneRange> {
        self.coverage().lanes
    }

    /// Numbers that it lacks, from where it began to the last that it has had. An archive that nobody
    /// touched has none. Should its head be lost with its end, only
    /// [the database](Self::verify_against) knows.
    pub fn gaps(&self) -> Vec<LaneRange> {
        self.coverage().gaps
    }

    /// As [`coverage`](Self::coverage), where it is known to have gone through these numbers at least.
    pub(crate) fn coverage_through(&self, recorded: &BTreeMap<Lane, i64>) -> Coverage {
        let mut through = self.head.through();
        for (lane, last) in recorded {
            let known = through.entry(*lane).or_default();
            *known = (*known).max(*last);
        }
        coverage(&self.origin.after(), &through, &self.segments)
    }

    pub(crate) fn coverage(&self) -> Coverage {
        coverage(&self.origin.after(), &self.head.through(), &self.segments)
    }

    /// The events of the selection, those of a lane by rising number, each once.
    ///
    /// Fails with [`Corrupt`](ErrorKind::Corrupt) when the archive has [gaps](Self::gaps), which the
    /// message names; [`events_despite_gaps`](Self::events_despite_gaps) gives what there is.
    pub fn events(&self, selection: ArchiveSelection) -> Result<ArchiveEvents, Error> {
        let gaps = self.gaps();
        if gaps.is_empty() {
            return Ok(self.events_despite_gaps(selection));
        }
        let named = gaps.iter().take(GAPS_NAMED).map(|gap| {
            let LaneRange { lane, first, last } = gap;
            format!("{first} to {last} of {lane:?}")
        });
        let named: Vec<_> = named.collect();
        let more = if gaps.len() > GAPS_NAMED { ", and more" } else { "" };
        let message = format!("it lacks {}{more}", named.join(", "));
        Err(Error::new(ErrorKind::Corrupt, "read the archive", message))
    }

    /// As [`events`](Self::events), of an archive with gaps as well.
    pub fn events_despite_gaps(&self, selection: ArchiveSelection) -> ArchiveEvents {
        let turns = in_order(&self.segments).into_iter();
        ArchiveEvents { archive: self.clone(), selection, turns, ready: Vec::new().into_iter() }
    }

    /// The events of a segment, held against its manifest.
    pub(crate) async fn segment(&self, at: usize) -> Result<Vec<ArchivedEvent>, Error> {
        let manifest = self.segments[at].clone();
        let file = self.store.get(&manifest.file.name).await.map_err(|error| {
            if error.kind() != ErrorKind::NotFound {
                return error;
            }
            let message = format!("`{}` is missing", manifest.file.name);
            Error::new(ErrorKind::Corrupt, "read the archive", message).with_source(error)
        })?;
        let read = tokio::task::spawn_blocking(move || events_of(&manifest, &file)).await;
        read.unwrap_or_else(|e| {
            let message = "the task that decompresses has ended";
            let error = Error::new(ErrorKind::Unavailable, "read the archive", message);
            Err(error.with_source(e))
        })
    }
}

const GAPS_NAMED: usize = 10;

/// What is missing of what says where the archive begins and ends.
fn missing(has_origin: bool, head: Option<&Head>, names: &[String]) -> Vec<String> {
    let mut damages = Vec::new();
    if !has_origin && (head.is_some() || !names.is_empty()) {
        damages.push(format!("`{}` is missing: where the archive began", Origin::NAME));
    }
    let Some(head) = head else {
        if !names.is_empty() {
            damages.push(format!("`{}` is missing: how far the archive goes", Head::NAME));
        }
        return damages;
    };
    let mut lost: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (lane, HeadLane { last, segment }) in head.lanes() {
        if let Some(segment) =
            segment.as_deref().filter(|name| !names.iter().any(|known| known == name))
        {
            lost.entry(segment).or_default().push(format!("number {last} of {lane:?}"));
        }
    }
    damages.extend(lost.into_iter().map(|(name, ends)| {
        format!("`{name}` is missing: by `{}` it has {}", Head::NAME, ends.join(", "))
    }));
    damages
}

/// Events of an archive, one after another. Holds one segment in memory.
pub struct ArchiveEvents {
    archive: Archive,
    selection: ArchiveSelection,
    turns: std::vec::IntoIter<Turn>,
    ready: std::vec::IntoIter<ArchivedEvent>,
}

impl ArchiveEvents {
    /// The next event; `None` when there is none left.
    ///
    /// Fails with [`Corrupt`](ErrorKind::Corrupt) when a file is missing or damaged. Asked again, it
    /// goes on behind that file.
    pub async fn next(&mut self) -> Result<Option<ArchivedEvent>, Error> {
        loop {
            if let Some(event) = self.ready.next() {
                return Ok(Some(event));
            }
            match self.next_segment().await? {
                Some(events) => self.ready = events.into_iter(),
                None => return Ok(None),
            }
        }
    }

    /// What the next segment that may have such events has of them.
    pub(crate) async fn next_segment(&mut self) -> Result<Option<Vec<ArchivedEvent>>, Error> {
        let Self { archive, selection, turns, .. } = self;
        let segments = &archive.segments;
        let Some(turn) = turns.find(|turn| selection.concerns(&segments[turn.segment])) else {
            return Ok(None);
        };
        let mut events = archive.segment(turn.segment).await?;
        let is_new = |event: &ArchivedEvent| turn.from.get(&event.lane) <= Some(&event.number);
        events.retain(|event| is_new(event) && selection.admits(&event.envelope));
        Ok(Some(events))
    }
}
