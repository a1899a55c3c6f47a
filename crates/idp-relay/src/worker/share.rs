//! How many lanes each of the living workers should have.

use idp_application::Membership;

/// The share of one worker: as many as all others, rounded up, so that no lane is left over.
pub(crate) fn share_of(membership: Membership) -> usize {
    usize::from(membership.lanes.div_ceil(membership.workers_live.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(lanes: u16, workers_live: u16) -> usize {
        share_of(Membership { workers_live, lanes, events_missed: 0 })
    }

    #[test]
    fn the_shares_of_all_workers_cover_all_lanes() {
        for lanes in [1, 7, 64, 1024] {
            for workers in 1..=70 {
                assert!(share(lanes, workers) * usize::from(workers) >= usize::from(lanes));
            }
        }
    }

    #[test]
    fn a_worker_alone_takes_everything_and_none_of_too_many_takes_more_than_one() {
        assert_eq!(share(64, 1), 64);
        assert_eq!(share(64, 3), 22);
        assert_eq!(share(4, 9), 1);
        assert_eq!(share(4, 0), 4);
    }
}
