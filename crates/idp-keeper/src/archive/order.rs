//! In which order segments are read, and what is missing between them.
//!
//! Segments may overlap: an archiver that lost its lanes may have written what the next one wrote as
//! well. A number stands for the same event in all of them, so each is read once.

use super::manifest::{LaneRange, Manifest};
use idp_application::Lane;
use std::collections::{BTreeMap, BTreeSet};

/// A segment, and from which number on each of its lanes is still to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) segment: usize,
    pub(crate) from: BTreeMap<Lane, i64>,
}

/// The order in which the numbers of each lane rise.
pub(crate) fn in_order(segments: &[Manifest]) -> Vec<Turn> {
    let mut next: BTreeMap<Lane, i64> = BTreeMap::new();
    for range in segments.iter().flat_map(Manifest::ranges) {
        let first = next.entry(range.lane).or_insert(range.first);
        *first = range.first.min(*first);
    }
    let mut left: BTreeSet<usize> = (0..segments.len()).collect();
    let mut turns = Vec::new();
    while let Some(first) = left.first().copied() {
        let is_ready = |at: &&usize| segments[**at].ranges().all(|r| r.first <= next[&r.lane]);
        // Behind a gap none is ready: then the one that begins first.
        let segment = left.iter().find(is_ready).copied().unwrap_or(first);
        left.remove(&segment);
        let from: BTreeMap<Lane, i64> =
            segments[segment].ranges().map(|r| (r.lane, next[&r.lane])).collect();
        let adds = segments[segment].ranges().any(|r| r.last >= next[&r.lane]);
        for range in segments[segment].ranges() {
            let next = next.entry(range.lane).or_default();
            *next = (*next).max(range.last + 1);
        }
        if adds {
            turns.push(Turn { segment, from });
        }
    }
    turns
}

/// What the segments have of each lane, from its first number to its last; the numbers that none of them
/// has, between those, back to where the archive began, and on to where it is known to have gone
/// `through`; and the numbers that several have.
pub(crate) fn coverage(
    after: &BTreeMap<Lane, i64>,
    through: &BTreeMap<Lane, i64>,
    segments: &[Manifest],
) -> Coverage {
    let mut ranges: Vec<LaneRange> = segments.iter().flat_map(Manifest::ranges).collect();
    ranges.sort_unstable();
    let mut coverage = Coverage::default();
    for range in ranges {
        let LaneRange { lane, first, last } = range;
        match coverage.lanes.last_mut().filter(|known| known.lane == lane) {
            None => {
                let begins = after.get(&lane).map_or(1, |after| after + 1);
                if first > begins {
                    let (first, last) = (begins, first - 1);
                    coverage.gaps.push(LaneRange { lane, first, last });
                }
                coverage.lanes.push(range);
            }
            Some(known) => {
                if first > known.last + 1 {
                    let (first, last) = (known.last + 1, first - 1);
                    coverage.gaps.push(LaneRange { lane, first, last });
                }
                if first <= known.last {
                    let last = last.min(known.last);
                    coverage.overlaps.push(LaneRange { lane, first, last });
                }
                known.last = known.last.max(last);
            }
        }
    }
    coverage.add_lost_ends(after, through);
    coverage
}

/// What an archive has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub(crate) lanes: Vec<LaneRange>,
    pub(crate) gaps: Vec<LaneRange>,
    pub(crate) overlaps: Vec<LaneRange>,
}

impl Coverage {
    fn add_lost_ends(&mut self, after: &BTreeMap<Lane, i64>, through: &BTreeMap<Lane, i64>) {
        for (&lane, &last) in through {
            let known = self.lanes.iter().find(|known| known.lane == lane);
            let begins = after.get(&lane).copied().unwrap_or_default();
            let first = 1 + known.map_or(begins, |known| known.last);
            if first <= last {
                self.gaps.push(LaneRange { lane, first, last });
            }
        }
        self.gaps.sort_unstable();
    }
}

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

    fn range((lane, first, last): (i16, i64, i64)) -> LaneRange {
        LaneRange { lane: Lane::from_number(lane), first, last }
    }

    fn order(segments: &[Manifest]) -> Vec<usize> {
        in_order(segments).into_iter().map(|turn| turn.segment).collect()
    }

    #[test]
    fn numbers_of_a_lane_rise_whatever_the_names_of_the_segments() {
        let late = manifest(&[(0, 5, 9), (1, 1, 3)]);
        let early = manifest(&[(0, 1, 4)]);
        assert_eq!(order(&[late.clone(), early.clone()]), [1, 0]);
        assert_eq!(order(&[early, late]), [0, 1]);
    }

    #[test]
    fn what_was_written_twice_is_read_once() {
        let segments = [manifest(&[(0, 1, 4)]), manifest(&[(0, 1, 6)]), manifest(&[(0, 5, 6)])];
        let turns = in_order(&segments);
        assert_eq!(order(&segments), [0, 1], "the third adds nothing");
        assert_eq!(turns[1].from, BTreeMap::from([(Lane::from_number(0), 5)]));
        let coverage = coverage(&BTreeMap::new(), &BTreeMap::new(), &segments);
        assert_eq!(coverage.lanes, [range((0, 1, 6))]);
        assert_eq!(coverage.gaps, []);
        assert_eq!(coverage.overlaps, [range((0, 1, 4)), range((0, 5, 6))]);
    }

    #[test]
    fn gaps_are_named_and_do_not_end_the_order() {
        let segments = [
            manifest(&[(0, 3, 4), (1, 1, 1)]),
            manifest(&[(0, 8, 9)]),
            manifest(&[(0, 12, 12), (1, 3, 3)]),
        ];
        let after = BTreeMap::from([(Lane::from_number(0), 2)]);
        let late = coverage(&after, &BTreeMap::new(), &segments);
        assert_eq!(late.gaps, [(0, 5, 7), (0, 10, 11), (1, 2, 2)].map(range));
        let coverage = coverage(&BTreeMap::new(), &BTreeMap::new(), &segments);
        assert_eq!(coverage.gaps, [(0, 1, 2), (0, 5, 7), (0, 10, 11), (1, 2, 2)].map(range));
        assert_eq!(coverage.lanes, [range((0, 3, 12)), range((1, 1, 3))]);
        assert_eq!(order(&segments), [0, 1, 2]);
    }

    #[test]
    fn what_is_lost_at_the_end_is_a_gap() {
        let lane = Lane::from_number;
        let segments = [manifest(&[(0, 1, 4), (1, 1, 3)])];
        let after = BTreeMap::from([(lane(2), 5), (lane(3), 8)]);
        let through = BTreeMap::from([(lane(0), 4), (lane(1), 5), (lane(2), 6), (lane(3), 8)]);
        let coverage = coverage(&after, &through, &segments);
        assert_eq!(coverage.gaps, [(1, 4, 5), (2, 6, 6)].map(range));
    }
}
