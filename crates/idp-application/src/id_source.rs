//! Where new identities come from.

use idp_domain::{Timestamp, Uuid};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::timestamp::context::ContextV7;

/// Draws identities.
pub trait IdSource: Send + Sync + 'static {
    /// A new identity, never drawn before. Identities drawn later sort later where the source can.
    fn next(&self, now: Timestamp) -> Uuid;
}

/// UUID version 7 (RFC 9562, section 5.7), rising also within one millisecond.
#[derive(Debug)]
pub struct UuidV7Ids(Mutex<ContextV7>);

impl Default for UuidV7Ids {
    fn default() -> Self {
        Self(Mutex::new(ContextV7::new()))
    }
}

impl IdSource for UuidV7Ids {
    fn next(&self, now: Timestamp) -> Uuid {
        let micros = u64::try_from(now.unix_micros()).unwrap_or_default();
        let context = self.0.lock().expect("no code panics while it holds this lock");
        let nanos = u32::try_from(micros % 1_000_000 * 1_000).expect("below 10^9");
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, micros / 1_000_000, nanos))
    }
}

/// 1, 2, 3, … as UUIDs; for tests.
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl IdSource for SequentialIds {
    fn next(&self, _now: Timestamp) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_also_within_one_instant() {
        let ids = UuidV7Ids::default();
        let now = Timestamp::from_unix_micros(1_700_000_000_000_000);
        let drawn: Vec<_> = (0..1_000).map(|_| ids.next(now)).collect();
        assert!(drawn.is_sorted_by(|a, b| a < b));
        assert!(drawn.iter().all(|id| id.get_version_num() == 7));
    }
}
