//! Lanes: the fixed number of ordered queues into which the outbox is divided.

use idp_domain::{TenantId, Uuid};
use std::fmt;
use std::num::NonZeroU16;

/// How many lanes a store has. Fixed when its tables are made: another number would send the later
/// events of an aggregate to another lane, past the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneCount(NonZeroU16);

impl LaneCount {
    /// The most lanes a store can have.
    pub const MAX: u16 = 1024;

    /// That many lanes; `None` when it is not within 1..=1024.
    pub fn new(count: u16) -> Option<Self> {
        NonZeroU16::new(count).filter(|count| count.get() <= Self::MAX).map(Self)
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl Default for LaneCount {
    fn default() -> Self {
        Self(NonZeroU16::new(64).expect("64 is not zero"))
    }
}

/// One of the lanes. All events of one aggregate are in one lane.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(i16);

impl Lane {
    /// Stands for the whole log, for readers that do not share it.
    pub const WHOLE: Self = Self(-1);

    /// The lane of an aggregate: FNV-1a (64 bits) over tenant, a zero byte and the identity, folded
    /// to 32 bits. The function is frozen: stored events depend on it.
    pub fn of(tenant: &TenantId, aggregate_id: Uuid, lanes: LaneCount) -> Self {
        let bytes = tenant.as_str().bytes().chain([0]).chain(*aggregate_id.as_bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let folded = (hash >> 32) ^ (hash & 0xffff_ffff);
        let lane = folded % u64::from(lanes.get());
        Self(i16::try_from(lane).expect("there are at most 1024 lanes"))
    }

    /// The lane of that number, as a store keeps it; -1 is the whole log.
    pub fn from_number(number: i16) -> Self {
        Self(number)
    }

    /// The number of the lane.
    pub fn number(self) -> i16 {
        self.0
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lane({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored events depend on these vectors: they must never change.
    #[test]
    fn the_lane_function_is_frozen() {
        let lanes = LaneCount::default();
        let lane = |tenant: &str, id: u128| {
            let tenant = TenantId::new(tenant).expect("valid");
            Lane::of(&tenant, Uuid::from_u128(id), lanes).number()
        };
        let found =
            [lane("acme", 1), lane("acme", 2), lane("globex", 1), lane("globex", u128::MAX)];
        assert_eq!(found, FROZEN);
    }

    const FROZEN: [i16; 4] = [62, 35, 35, 28];

    #[test]
    fn aggregates_spread_over_the_lanes() {
        let tenant = TenantId::new("acme").expect("valid");
        let mut counts = [0_u32; 64];
        for id in 0..6_400_u128 {
            let lane = Lane::of(&tenant, Uuid::from_u128(id << 64 | id), LaneCount::default());
            counts[usize::try_from(lane.number()).expect("not negative")] += 1;
        }
        assert!(counts.iter().all(|count| (40..=180).contains(count)), "{counts:?}");
    }
}
