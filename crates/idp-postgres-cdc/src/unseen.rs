//! Commits that the stream tells of before anybody can see them.
//!
//! The server sends a transaction once its commit is flushed, and only then takes it out of the list of
//! those that run; with a synchronous standby that may be much later. Whoever is woken in between reads
//! the log without it, and is not woken again. So what the stream tells is passed on when a snapshot
//! shows it.

use crate::error::of_query;
use idp_application::{Error, ErrorKind};
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::Client;

const SNAPSHOT: &str = "SELECT pg_current_snapshot()::text";

const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// The transactions that were committed and that no snapshot has shown yet: no more than the server has
/// connections.
#[derive(Debug, Default)]
pub(crate) struct Unseen {
    transactions: Vec<u32>,
    /// How long to wait before looking again.
    pause: Duration,
}

impl Unseen {
    /// One more.
    pub(crate) fn push(&mut self, transaction: u32) {
        self.transactions.push(transaction);
        self.pause = PAUSE_MIN;
    }

    /// When to look again; `None` when all have been seen.
    pub(crate) fn look_again_at(&self) -> Option<Instant> {
        (!self.transactions.is_empty()).then(|| Instant::now() + self.pause)
    }

    /// Looks. Says whether something came in sight.
    pub(crate) async fn look(&mut self, client: &Client) -> Result<bool, Error> {
        let row = client.query_one(SNAPSHOT, &[]).await.map_err(of_query)?;
        let snapshot: &str = row.get(0);
        let snapshot = Snapshot::parse(snapshot).ok_or_else(|| {
            let message = format!("`{snapshot}` is no snapshot");
            Error::new(ErrorKind::Corrupt, "watch changes", message)
        })?;
        let before = self.transactions.len();
        self.transactions.retain(|transaction| !snapshot.shows(*transaction));
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Ok(self.transactions.len() < before)
    }
}

/// What a reader would see.
struct Snapshot {
    /// The first that has not begun.
    end: u64,
    running: Vec<u64>,
}

impl Snapshot {
    /// The text is `xmin:xmax:running,running,…`, where `xmin` says nothing that the others do not.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once(':')?;
        let (end, running) = rest.split_once(':')?;
        let running = running.split(',').filter(|one| !one.is_empty());
        let running = running.map(|one| one.parse().ok()).collect::<Option<_>>()?;
        Some(Self { end: end.parse().ok()?, running })
    }

    /// The stream tells the lower half of a number, which is near the end of the snapshot.
    fn shows(&self, transaction: u32) -> bool {
        let has_begun = behind(transaction, lower(self.end)) > 0;
        has_begun && !self.running.iter().any(|running| lower(*running) == transaction)
    }
}

fn lower(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).expect("half of a number")
}

/// How far one number is behind another, on the circle on which they lie.
fn behind(one: u32, other: u32) -> i32 {
    other.wrapping_sub(one).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(snapshot: &str, transaction: u32) -> bool {
        Snapshot::parse(snapshot).expect("a snapshot").shows(transaction)
    }

    #[test]
    fn a_snapshot_shows_what_has_ended_before_it() {
        assert!(shows("700:700:", 699));
        assert!(shows("698:702:698,701", 699));
        assert!(!shows("698:702:698,701", 698), "it runs");
        assert!(!shows("698:702:698,701", 701), "it runs");
        assert!(!shows("700:700:", 700), "it began later");
    }

    #[test]
    fn numbers_lie_on_a_circle() {
        let turn = u64::from(u32::MAX) + 1;
        let snapshot = format!("{}:{}:{}", turn - 2, turn + 3, turn - 2);
        assert!(!shows(&snapshot, u32::MAX - 1), "it runs");
        assert!(shows(&snapshot, u32::MAX));
        assert!(shows(&snapshot, 2));
        assert!(!shows(&snapshot, 3), "it began later");
    }

    #[test]
    fn what_is_no_snapshot_is_not_taken_for_one() {
        for text in ["", "1", "1:2", "a:b:", "1:2:x"] {
            assert!(Snapshot::parse(text).is_none(), "{text}");
        }
    }
}
