//! The stream of changes.

use crate::error::of_stream;
use idp_application::{Error, ErrorKind};
use pgwire_replication::{ReplicationClient, ReplicationConfig, ReplicationEvent};
use std::time::Duration;

/// A replication connection with a slot of its own. The slot is a temporary one: the server drops it
/// when the connection ends, however it ends.
pub(crate) struct ChangeStream {
    client: ReplicationClient,
    /// The transaction that is being told.
    transaction: u32,
}

impl ChangeStream {
    /// The server gives up after `limit`. A server that waits for a transaction does not notice that its
    /// client is gone: without a limit, each attempt beside a long transaction would leave a sender and a slot
    /// behind for as long as that lasts, until there are no more of them for anybody.
    pub(crate) async fn begin(config: ReplicationConfig, limit: Duration) -> Result<Self, Error> {
        let slot = config.slot.clone();
        let client = ReplicationClient::connect_gated(config).await.map_err(of_stream)?;
        let mut stream = Self { client, transaction: 0 };
        let create =
            format!("SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput', true)");
        let limited = format!("SET statement_timeout = {}", limit.as_millis());
        for statement in [&*limited, &*create, "RESET statement_timeout"] {
            stream.client.simple_query(statement).await.map_err(of_stream)?;
        }
        stream.client.start().await.map_err(of_stream)?;
        stream.client.wait_started().await.map_err(of_stream)?;
        Ok(stream)
    }

    /// The next transaction that appended to the outbox; its commit is flushed, and perhaps not to be
    /// seen yet. What was received is confirmed at once, also when there was nothing of the outbox: it
    /// was only to wake.
    pub(crate) async fn committed(&mut self) -> Result<u32, Error> {
        loop {
            match self.client.recv().await.map_err(of_stream)? {
                Some(ReplicationEvent::Begin { xid, .. }) => self.transaction = xid,
                Some(ReplicationEvent::Commit { end_lsn, .. }) => {
                    self.client.update_applied_lsn(end_lsn);
                    return Ok(self.transaction);
                }
                Some(ReplicationEvent::KeepAlive { wal_end, .. }) => {
                    self.client.update_applied_lsn(wal_end);
                }
                Some(_) => {}
                None => {
                    let message = "the server ended the stream of changes";
                    return Err(Error::new(ErrorKind::Unavailable, "watch changes", message));
                }
            }
        }
    }
}

impl Drop for ChangeStream {
    fn drop(&mut self) {
        self.client.abort();
    }
}
