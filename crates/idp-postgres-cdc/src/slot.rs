//! What the server keeps for the stream.

use crate::error::of_query;
use idp_application::{Error, ErrorKind};
use tokio_postgres::Client;

/// Looks after the slot. A slot makes the server keep its write-ahead log until everything was
/// confirmed, and can so fill a disk; this one ends first.
pub(crate) struct SlotGuard {
    pub(crate) client: Client,
    pub(crate) slot: String,
    pub(crate) retained_bytes_max: u64,
}

impl SlotGuard {
    /// Fails when the server keeps too much, and when the slot is lost.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        const STATE: &str = "SELECT wal_status, \
            greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint \
            FROM pg_replication_slots WHERE slot_name = $1";
        let row = self.client.query_opt(STATE, &[&self.slot]).await.map_err(of_query)?;
        let Some(row) = row else { return Err(unavailable("the replication slot is gone")) };
        let status: Option<&str> = row.get(0);
        if matches!(status, Some("lost" | "unreserved")) {
            return Err(unavailable("the server has given up the replication slot"));
        }
        let retained: i64 = row.get::<_, Option<i64>>(1).unwrap_or_default();
        let most = self.retained_bytes_max;
        if u64::try_from(retained).is_ok_and(|retained| retained > most) {
            let message = format!("the server keeps {retained} bytes for it, {most} are allowed");
            return Err(unavailable(&message));
        }
        Ok(())
    }
}

fn unavailable(message: &str) -> Error {
    Error::new(ErrorKind::Unavailable, "watch changes", message)
}
