//! The suite of tenants that are served apart.
//!
//! | contract of [`TenantTracks`](idp_application::TenantTracks) | tests |
//! |---|---|
//! | 1: where a track begins and ends, in one transaction, under epoch and revision | [`tracks`] |
//! | 2: otherwise nothing is changed, and what is is told | [`tracks`] |
//! | 3: reading in a scope | [`scopes`] |
//! | 4: progress of a track, with what was set aside | [`progress`] |
//! | 5: tracks outlive their lease | [`tracks`] |
//! | 6: where a reading ends | [`scopes`] |
//!
//! | contract of [`TenantPolicies`](idp_application::TenantPolicies) | tests |
//! |---|---|
//! | 1: a policy and its record in one transaction | [`policies`] |
//! | 2: bounds | [`policies`] |
//! | 3: nothing of a paused tenant becomes due | [`policies`] |

pub mod tracks;
pub mod progress;
pub mod scopes;
pub mod policies;

use crate::courier::Courier;
use crate::fixture::tenant;
use idp_application::{LaneTracks, TenantTrack, TrackChange};

/// Expands to one test for each clause of tenants that are served apart. Takes an expression that,
/// awaited, gives a [`Harness`](crate::Harness) of its own to each clause.
#[macro_export]
macro_rules! tenants {
    ($harness:expr) => {
        mod tenants {
            #[allow(unused_imports, reason = "the expression may need what stands around it")]
            use super::*;

            $crate::tenants_policies!($harness);
            $crate::tenants_progress!($harness);
            $crate::tenants_scopes!($harness);
            $crate::tenants_tracks!($harness);
        }
    };
}

impl Courier {
    /// A change of the tracks of its one lane.
    fn change(&self, revision: i64, of: &str) -> TrackChange {
        let lease = self.follower.leases[0];
        TrackChange { lane: lease.lane, epoch: lease.epoch, revision, tenant: tenant(of) }
    }

    /// Splits a tenant off; `None` when the lane is lost.
    async fn try_split(&self, revision: i64, of: &str) -> Option<LaneTracks> {
        let split = self.store.split(self.reader(), &self.change(revision, of)).await;
        split.expect("a tenant can be split off")
    }

    /// Splits a tenant off from a lane without tracks.
    pub(crate) async fn split_first(&self, of: &str) -> TenantTrack {
        let mut known = self.try_split(0, of).await.expect("it holds its lane");
        assert_eq!((known.revision, known.tracks.len()), (1, 1), "{known:?}");
        known.tracks.remove(0)
    }

    /// Merges a track; `None` when the lane is lost.
    async fn try_merge(&self, revision: i64, of: &str) -> Option<LaneTracks> {
        let merge = self.store.merge(self.reader(), &self.change(revision, of)).await;
        merge.expect("a track can be merged")
    }

    /// The tracks of its one lane; `None` when it is lost.
    async fn tracks(&self) -> Option<LaneTracks> {
        let tracks = self.store.tracks(self.reader(), &self.follower.leases).await;
        tracks.expect("tracks can be read").pop()
    }
}
