//! What an archiver looks at before it writes: whether the archive is there, and goes as far as the
//! database says that it does.

use super::head::Head;
use super::origin::Origin;
use super::reading::Archive;
use super::store::ArchiveStore;
use idp_application::{Error, ErrorKind, Lane, LaneLease, Membership};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An archive that somebody is about to write to, and the lanes that they have.
pub(crate) struct Beginning<'a> {
    pub(crate) store: &'a Arc<dyn ArchiveStore>,
    pub(crate) leases: &'a [LaneLease],
    pub(crate) membership: Membership,
}

impl Beginning<'_> {
    /// How many events each lane had before there was an archive. A new archive gets its origin; `None`
    /// when others have lanes, so that only they, or nobody, can write it.
    ///
    /// Fails with [`Corrupt`](ErrorKind::Corrupt) when there is nothing of an archive that was there: perhaps
    /// its disk is not mounted.
    pub(crate) async fn after(&self) -> Result<Option<BTreeMap<Lane, i64>>, Error> {
        let head = Head::find(&**self.store).await?;
        if let Some(origin) = Origin::find(&**self.store).await? {
            return Ok(Some(origin.after()));
        }
        if head.is_some() {
            return Err(lost(&format!("`{}` is missing", Origin::NAME)));
        }
        // Nobody records anything before the origin is written, so it is the same whoever writes it; but
        // only who has all lanes can.
        if !self.has_all_lanes() {
            return Ok(None);
        }
        if !self.is_new_reader() {
            return Err(lost("nothing is in it, and events were archived before"));
        }
        let origin = Origin::of(self.leases);
        origin.write(&**self.store).await?;
        Ok(Some(origin.after()))
    }

    /// Whether the archive has all that was recorded of the lanes, so that one can go on behind it.
    /// `false` when that cannot be said while others have lanes.
    ///
    /// Fails with [`Corrupt`](ErrorKind::Corrupt) when its end is lost.
    pub(crate) async fn is_behind_the_end(
        &self,
        after: &BTreeMap<Lane, i64>,
    ) -> Result<bool, Error> {
        let head = match Head::find(&**self.store).await? {
            Some(head) => head,
            None if !self.has_all_lanes() => return Ok(false),
            None => self.new_head(after).await?,
        };
        let short = self.lanes_short_of(&head, after);
        let Some((lane, reached, recorded)) = short.first().copied() else { return Ok(true) };
        if !self.has_all_lanes() {
            return Ok(false);
        }
        if self.is_new_reader() {
            let events: i64 = short.iter().map(|(_, reached, recorded)| recorded - reached).sum();
            tracing::warn!(
                events,
                "events were dropped while the archive was no reader of the log"
            );
            let short: Vec<_> =
                short.iter().map(|(lane, _, recorded)| (*lane, *recorded)).collect();
            let pass_over = |head: &mut Head| {
                short.iter().for_each(|(lane, recorded)| head.pass_over(*lane, *recorded));
            };
            return Head::update(&**self.store, pass_over).await.map(|()| true);
        }
        Err(lost(&format!("it goes to number {reached} of {lane:?}, and {recorded} was archived")))
    }

    /// That of what is there: nothing, or all that was recorded.
    async fn new_head(&self, after: &BTreeMap<Lane, i64>) -> Result<Head, Error> {
        let archive = Archive::open(Arc::clone(self.store)).await?;
        let head = Head::of(&archive.segments);
        let short = self.lanes_short_of(&head, after);
        if !short.is_empty() && !self.is_new_reader() {
            return Err(lost(&format!("`{}` is missing, and not only that", Head::NAME)));
        }
        let segments = &archive.segments;
        let cover = |head: &mut Head| segments.iter().for_each(|segment| head.cover(segment));
        Head::update(&**self.store, cover).await?;
        Ok(head)
    }

    /// The lanes of which more was recorded than the archive goes to: with both numbers.
    fn lanes_short_of(&self, head: &Head, after: &BTreeMap<Lane, i64>) -> Vec<(Lane, i64, i64)> {
        let through = head.through();
        let number = |numbers: &BTreeMap<Lane, i64>, lane| numbers.get(&lane).copied().unwrap_or(0);
        let lanes = self.leases.iter().map(|LaneLease { lane, sequence, .. }| {
            (*lane, number(&through, *lane).max(number(after, *lane)), *sequence)
        });
        lanes.filter(|(_, reached, recorded)| recorded > reached).collect()
    }

    /// Who has all lanes is alone with the archive.
    fn has_all_lanes(&self) -> bool {
        self.leases.len() >= usize::from(self.membership.lanes)
    }

    /// Whether nothing was recorded since the archive became a reader of the log: all that it stands
    /// behind was dropped before. Only who has all lanes can tell.
    fn is_new_reader(&self) -> bool {
        let recorded = self.leases.iter().map(|lease| lease.sequence).sum::<i64>();
        u64::try_from(recorded) == Ok(self.membership.events_missed)
    }
}

fn lost(what: &str) -> Error {
    let message = format!(
        "a part of the archive is lost: {what}. Put it back (is its disk mounted?); or, to begin another \
         archive, move what is left away and forget the reader that the archive is"
    );
    Error::new(ErrorKind::Corrupt, "archive the log", message)
}
