//! What is sent at once: messages from the front of a call, as frames.
//!
//! The next round goes out when all of this one is confirmed, because a number that the broker has
//! passed over is lost to its producer: sent again, it counts as a duplicate and is dropped. So a
//! round has one frame of each producer at most, which the broker takes as a whole or not at all,
//! and the messages of an aggregate go to one topic in it.

use super::wire::{Key, Outgoing, seal};
use idp_application::Message;
use idp_domain::{TenantId, Uuid};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// How many producers a round has at most: fewer than a connection has numbers for.
const PRODUCERS_MAX: usize = 100;
/// Size, key, version, number of the producer, number of messages.
const FRAME_HEAD: usize = 13;
/// The number of a message, and its size.
const MESSAGE_HEAD: usize = 12;

#[derive(Debug)]
pub(crate) struct Round<'m> {
    bytes_max: usize,
    bytes: usize,
    /// Of each producer the frame.
    frames: HashMap<u8, Frame>,
    /// Of each aggregate the producer.
    ways: HashMap<(&'m TenantId, Uuid), u8>,
    /// Of each message the producer and the number, in order.
    entries: Vec<(u8, u64)>,
}

#[derive(Debug)]
struct Frame {
    bytes: Vec<u8>,
    count: u32,
}

impl<'m> Round<'m> {
    /// An empty round that takes that many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let (frames, ways) = (HashMap::new(), HashMap::new());
        Self { bytes_max, bytes: 0, frames, ways, entries: Vec::new() }
    }

    /// Whether a message of so many bytes fits into any round at all.
    pub(crate) fn could_take(&self, bytes: usize) -> bool {
        FRAME_HEAD + MESSAGE_HEAD + bytes <= self.bytes_max
    }

    /// Adds a message, unless it must wait for the next round.
    pub(crate) fn add(
        &mut self,
        producer: u8,
        number: u64,
        message: &'m Message,
        encoded: &[u8],
    ) -> bool {
        let is_new = !self.frames.contains_key(&producer);
        let head = if is_new { FRAME_HEAD } else { 0 };
        let bytes = head + MESSAGE_HEAD + encoded.len();
        if self.bytes + bytes > self.bytes_max || (is_new && self.frames.len() >= PRODUCERS_MAX) {
            return false;
        }
        match self.ways.entry((&message.event.tenant, message.event.aggregate_id)) {
            Entry::Occupied(way) if *way.get() != producer => return false,
            Entry::Occupied(_) => {}
            Entry::Vacant(way) => {
                way.insert(producer);
            }
        }
        let frame = self.frames.entry(producer).or_insert_with(|| Frame::of(producer));
        frame.add(number, encoded);
        self.bytes += bytes;
        self.entries.push((producer, number));
        true
    }

    /// The frames, and the producer and number of each message.
    pub(crate) fn finish(self) -> (Vec<u8>, Vec<(u8, u64)>) {
        let mut bytes = Vec::with_capacity(self.bytes);
        for frame in self.frames.into_values() {
            bytes.extend(frame.finish());
        }
        (bytes, self.entries)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Frame {
    fn of(producer: u8) -> Self {
        // The number of messages is written at the end.
        let bytes = Outgoing::command(Key::Publish).u8(producer).u32(0).finish();
        Self { bytes, count: 0 }
    }

    fn add(&mut self, number: u64, encoded: &[u8]) {
        let length = u32::try_from(encoded.len()).expect("it fits into a frame");
        self.bytes.extend(number.to_be_bytes());
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(encoded);
        self.count += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes[FRAME_HEAD - 4..FRAME_HEAD].copy_from_slice(&self.count.to_be_bytes());
        seal(&mut self.bytes);
        self.bytes
    }
}
