//! Messages on their way to one connection, bundled so that the network is written to seldom.

use crate::command::Command;
use crate::connection::{Bundle, Connection};
use crate::frame;
use crate::metadata::Metadata;
use bytes::{Bytes, BytesMut};
use std::sync::{Arc, Weak};

const BUNDLE_BYTES: usize = 64 * 1024;
/// Data from here on is handed over as it is, not copied.
const COPIED_BYTES_MAX: usize = 4 * 1024;

pub(crate) struct Batch {
    sender: Weak<()>,
    connection: Option<Arc<Connection>>,
    parts: Vec<Bytes>,
    buffer: BytesMut,
    bytes: usize,
}

impl Batch {
    /// One that is sent as long as the sender is there.
    pub(crate) fn of(sender: Weak<()>) -> Self {
        Self { sender, connection: None, parts: vec![], buffer: BytesMut::new(), bytes: 0 }
    }

    /// Adds a message. What was for another connection is sent first.
    pub(crate) async fn add(
        &mut self,
        connection: &Arc<Connection>,
        producer: u64,
        metadata: &Metadata,
        data: &Bytes,
    ) {
        if !self.connection.as_ref().is_some_and(|present| Arc::ptr_eq(present, connection)) {
            self.send().await;
            self.connection = Some(connection.clone());
        }
        let before = self.buffer.len();
        let command = Command::send(producer, metadata.sequence_id);
        frame::put_message_head(&mut self.buffer, &command, metadata, data);
        self.bytes += self.buffer.len() - before + data.len();
        if data.len() <= COPIED_BYTES_MAX {
            self.buffer.extend_from_slice(data);
        } else {
            self.parts.push(self.buffer.split().freeze());
            self.parts.push(data.clone());
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= BUNDLE_BYTES
    }

    /// Hands everything over to the connection.
    pub(crate) async fn send(&mut self) {
        if !self.buffer.is_empty() {
            self.parts.push(self.buffer.split().freeze());
        }
        self.bytes = 0;
        let parts = std::mem::take(&mut self.parts);
        if let Some(connection) = self.connection.take().filter(|_| !parts.is_empty()) {
            connection.send(Bundle { parts, sender: self.sender.clone() }).await;
        }
    }
}
