//! How much is read at once: more the longer a backlog lasts, since a reading, and the recording of all its
//! lanes, cost nearly the same for few events as for many.

use idp_application::{LaneBatch, TrackBatch};

/// How many batches are read at once.
///
/// It doubles with each reading that was full and got no more than half a batch of any lane, and is halved when a
/// lane got more than a batch, since the rest of that is read once more. Most of the lanes at the end of the log, or
/// a failure, take it back to one: a relay that keeps up reads no more than it ever did.
#[derive(Debug)]
pub(super) struct Pages {
    batches: u32,
}

/// The most: as much as is held in memory at once.
pub(super) const BATCHES_MAX: u32 = 8;

impl Default for Pages {
    fn default() -> Self {
        Self { batches: 1 }
    }
}

impl Pages {
    /// How many events to read now, of so many lanes among those that there are: to few lanes, no more than
    /// their part, since of each only a batch is kept.
    pub(super) fn events(&self, batch_size: u32, lanes: usize, of_lanes: usize) -> u32 {
        let all = u64::from(batch_size) * u64::from(self.batches);
        let count = |lanes: usize| u64::try_from(lanes).unwrap_or(u64::MAX);
        let part = all.saturating_mul(count(lanes)) / count(of_lanes).max(1);
        u32::try_from(part.min(all)).unwrap_or(u32::MAX).max(batch_size)
    }

    /// Whether more than a batch is read at once: there is a backlog.
    pub(super) fn are_large(&self) -> bool {
        self.batches > 1
    }

    /// A reading gave so many of each lane.
    pub(super) fn read<B: Given>(&mut self, asked: &Asked, batches: &[B]) {
        let Asked { events_max, batch_size, of_most } = *asked;
        let of_lanes = batches.iter().map(Given::given);
        let (all, most) = (of_lanes.clone().sum::<usize>(), of_lanes.max().unwrap_or_default());
        let is_within = |count: usize, bound: u32| u32::try_from(count).is_ok_and(|n| n <= bound);
        let is_full = !is_within(all, events_max.saturating_sub(1));
        let is_end = !batches.iter().any(Given::has_more);
        self.batches = match () {
            () if is_end && of_most => 1,
            () if is_end => self.batches,
            () if !is_within(most, batch_size) => (self.batches / 2).max(1),
            () if is_full && is_within(most, batch_size / 2) => {
                self.batches.saturating_mul(2).min(BATCHES_MAX)
            }
            () => self.batches,
        };
    }

    /// The log did not answer.
    pub(super) fn failed(&mut self) {
        *self = Self::default();
    }
}

/// What a reading was to bring.
pub(super) struct Asked {
    pub(super) events_max: u32,
    pub(super) batch_size: u32,
    /// Whether of most of the lanes. What few of them came to says nothing of an end.
    pub(super) of_most: bool,
}

/// What was read of a lane.
pub(super) trait Given {
    /// How many events that may be sent.
    fn given(&self) -> usize;
    /// Whether there may be more.
    fn has_more(&self) -> bool;
}

impl Given for LaneBatch {
    fn given(&self) -> usize {
        self.events.len()
    }

    fn has_more(&self) -> bool {
        self.has_more
    }
}

impl Given for TrackBatch {
    fn given(&self) -> usize {
        self.given()
    }

    fn has_more(&self) -> bool {
        self.has_more
    }
}

/// Leaves in the log what is more of a lane than one send may have.
pub(super) fn keep_one_send(batch: &mut LaneBatch, batch_size: u32) {
    let most = usize::try_from(batch_size).unwrap_or(usize::MAX);
    if batch.events.len() > most {
        batch.events.truncate(most);
        batch.has_more = true;
        if let Some(last) = batch.events.last() {
            batch.through = last.cursor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::sample::batch;

    /// Batches of lanes with so many events each.
    fn given(counts: &[usize], has_more: bool) -> Vec<LaneBatch> {
        let of = |(lane, count): (i16, &usize)| {
            let positions: Vec<i64> = (1..).take(*count).collect();
            LaneBatch { has_more, ..batch(lane, &positions, 99) }
        };
        (0..).zip(counts).map(of).collect()
    }

    fn after(readings: &[(&[usize], bool)]) -> u32 {
        let mut pages = Pages::default();
        for (counts, has_more) in readings {
            let events_max = pages.events(4, 1, 1);
            let asked = Asked { events_max, batch_size: 4, of_most: true };
            pages.read(&asked, &given(counts, *has_more));
        }
        pages.events(4, 1, 1)
    }

    #[test]
    fn a_backlog_in_many_lanes_is_read_in_ever_larger_pages_up_to_a_bound() {
        assert_eq!(after(&[]), 4);
        assert_eq!(after(&[(&[2, 2], true)]), 8);
        assert_eq!(after(&[(&[2, 2], true), (&[2, 2, 2, 2], true)]), 16);
        let full: &[usize] = &[2; 16];
        assert_eq!(after(&[(&[2; 2], true), (&[2; 4], true), (&[2; 8], true), (full, true)]), 32);
    }

    #[test]
    fn what_is_not_full_or_comes_from_one_lane_makes_them_no_larger() {
        assert_eq!(after(&[(&[1, 1], true)]), 4);
        assert_eq!(after(&[(&[3, 1], true)]), 4);
        assert_eq!(after(&[(&[2, 2], true), (&[5, 3], true)]), 4);
    }

    #[test]
    fn at_the_end_of_the_log_and_after_a_failure_they_are_small_again() {
        assert_eq!(after(&[(&[2, 2], true), (&[2, 2, 2, 2], true), (&[2, 2], false)]), 4);
        let mut pages = Pages { batches: 8 };
        let asked = Asked { events_max: 8, batch_size: 4, of_most: false };
        pages.read(&asked, &given(&[1], false));
        assert!(pages.are_large(), "that was the end of few of the lanes");
        pages.failed();
        assert_eq!(pages.events(4, 1, 1), 4);
    }

    #[test]
    fn few_of_the_lanes_get_their_part_and_no_less_than_a_batch() {
        let pages = Pages { batches: 8 };
        assert_eq!(pages.events(4, 16, 16), 32);
        assert_eq!(pages.events(4, 8, 16), 16);
        assert_eq!(pages.events(4, 1, 16), 4);
        assert_eq!(pages.events(4, 17, 16), 32, "no more than all");
    }

    #[test]
    fn what_is_left_in_the_log_is_behind_what_is_kept() {
        let mut full = batch(0, &[1, 2, 3, 4, 5, 6], 9);
        keep_one_send(&mut full, 4);
        assert_eq!((full.events.len(), full.through.position, full.has_more), (4, 4, true));
        let mut fits = batch(0, &[1, 2, 3, 4], 9);
        keep_one_send(&mut fits, 4);
        assert_eq!((fits.events.len(), fits.through.position, fits.has_more), (4, 9, false));
    }
}
