//! What is sent at once: messages from the front of a call, as frames.
//!
//! The next round goes out when all of this one is confirmed, because a number that the broker has
//! passed over is lost to its producer: sent again, it counts as a duplicate and is dropped. So a
//! round has one frame of each producer at most, which the broker takes as a whole or not at all,
//! and the messages of an aggregate go to one topic in it.

use super::amqp;
use super::error::Fault;
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
/// What the attributes of a message usually take, to have room at once.
const ATTRIBUTE_BYTES_USUAL: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Round<'m> {
    /// They begin with those of the round.
    messages: &'m [Message],
    bytes_max: usize,
    bytes: usize,
    frames: Vec<Frame>,
    /// Of each aggregate the producer, where there is more than one.
    ways: HashMap<(&'m TenantId, Uuid), u8>,
    /// How many messages `ways` knows of.
    ways_known: usize,
    /// Of each message the producer and the number, in order.
    entries: Vec<(u8, u64)>,
}

#[derive(Debug)]
struct Frame {
    producer: u8,
    bytes: Vec<u8>,
    count: u32,
}

impl<'m> Round<'m> {
    /// A round that takes that many bytes, empty yet. It is given the messages one after another.
    pub(crate) fn new(messages: &'m [Message], bytes_max: usize) -> Self {
        Self {
            messages,
            bytes_max,
            bytes: 0,
            frames: Vec::new(),
            ways: HashMap::new(),
            ways_known: 0,
            entries: Vec::new(),
        }
    }

    /// Adds the next message, under that number of that producer, unless it must wait for the next
    /// round.
    ///
    /// # Errors
    /// When no round can take it.
    pub(crate) fn add(&mut self, producer: u8, number: u64) -> Result<bool, Fault> {
        let message = &self.messages[self.entries.len()];
        let known = self.frames.iter().position(|frame| frame.producer == producer);
        if (known.is_none() && self.frames.len() >= PRODUCERS_MAX) || !self.admits(producer) {
            return Ok(false);
        }
        let at = known.unwrap_or_else(|| {
            self.frames.push(Frame::of(producer, self.room()));
            self.bytes += FRAME_HEAD;
            self.frames.len() - 1
        });
        let frame = &mut self.frames[at];
        let before = frame.bytes.len();
        let written = frame.add(number, message);
        let bytes = frame.bytes.len() - before;
        if written.is_ok() && self.bytes + bytes <= self.bytes_max {
            self.bytes += bytes;
            self.entries.push((producer, number));
            return Ok(true);
        }
        self.take_back(at, before);
        written.map_err(Fault::Refused)?;
        if FRAME_HEAD + bytes > self.bytes_max {
            let (bytes, most) = (bytes - MESSAGE_HEAD, self.bytes_max);
            let why = format!("the message takes {bytes} bytes, and a frame has {most} at most");
            return Err(Fault::Refused(why));
        }
        Ok(false)
    }

    /// Whether the producer may have the next message: those of its aggregate are of that producer,
    /// too.
    fn admits(&mut self, producer: u8) -> bool {
        if self.frames.iter().all(|frame| frame.producer == producer) {
            return true;
        }
        for (message, (producer, _)) in
            self.messages.iter().zip(&self.entries).skip(self.ways_known)
        {
            self.ways.insert(key(message), *producer);
        }
        self.ways_known = self.entries.len();
        match self.ways.entry(key(&self.messages[self.entries.len()])) {
            Entry::Occupied(way) => *way.get() == producer,
            Entry::Vacant(way) => *way.insert(producer) == producer,
        }
    }

    /// What the messages that are left may take, as a first guess.
    fn room(&self) -> usize {
        let left = &self.messages[self.entries.len()..];
        let guess = left.iter().map(|message| message.event.data.len() + ATTRIBUTE_BYTES_USUAL);
        guess.sum::<usize>().min(self.bytes_max - self.bytes.min(self.bytes_max))
    }

    fn take_back(&mut self, at: usize, before: usize) {
        let frame = &mut self.frames[at];
        frame.bytes.truncate(before);
        frame.count -= 1;
        if frame.count == 0 {
            self.frames.remove(at);
            self.bytes -= FRAME_HEAD;
        }
    }

    /// The frames, and the producer and number of each message.
    pub(crate) fn finish(mut self) -> (Vec<u8>, Vec<(u8, u64)>) {
        self.frames.iter_mut().for_each(Frame::finish);
        let mut frames = self.frames.into_iter().map(|frame| frame.bytes);
        let mut bytes = frames.next().unwrap_or_default();
        frames.for_each(|frame| bytes.extend(frame));
        (bytes, self.entries)
    }
}

fn key(message: &Message) -> (&TenantId, Uuid) {
    (&message.event.tenant, message.event.aggregate_id)
}

impl Frame {
    fn of(producer: u8, room: usize) -> Self {
        // The number of messages is written at the end.
        let head = Outgoing::command(Key::Publish).u8(producer).u32(0).finish();
        let mut bytes = Vec::with_capacity(head.len() + room);
        bytes.extend_from_slice(&head);
        Self { producer, bytes, count: 0 }
    }

    /// What could not be written whole must be taken back.
    fn add(&mut self, number: u64, message: &Message) -> Result<(), String> {
        self.count += 1;
        self.bytes.extend_from_slice(&number.to_be_bytes());
        let size = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        amqp::encode(message, &mut self.bytes)?;
        let length = u32::try_from(self.bytes.len() - size - 4).map_err(|_| "it is too large")?;
        self.bytes[size..size + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    fn finish(&mut self) {
        self.bytes[FRAME_HEAD - 4..FRAME_HEAD].copy_from_slice(&self.count.to_be_bytes());
        seal(&mut self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::messages;

    fn numbers(round: Round<'_>) -> Vec<(u8, u64)> {
        round.finish().1
    }

    /// The first frame, as the broker reads it: the number of its producer, and how many messages it
    /// has.
    fn head(frames: &[u8]) -> (u8, u32) {
        let [_, _, _, _, _, 2, _, 1, producer, count @ ..] = frames else {
            panic!("no frame of messages: {frames:?}")
        };
        (*producer, u32::from_be_bytes(count[..4].try_into().expect("four bytes")))
    }

    #[test]
    fn a_round_has_one_frame_of_each_producer_and_one_producer_of_each_aggregate() {
        let messages = messages(&[(1, "a"), (2, "b"), (1, "a"), (2, "b"), (1, "b")]);
        let mut round = Round::new(&messages, 100_000);
        for (producer, number) in [(0, 10), (1, 11), (0, 12), (1, 13)] {
            assert!(round.add(producer, number).expect("it fits"));
        }
        assert!(!round.add(1, 14).expect("it waits"), "its aggregate is under way elsewhere");
        let (frames, entries) = round.finish();
        assert_eq!(entries, [(0, 10), (1, 11), (0, 12), (1, 13)]);
        assert_eq!(head(&frames), (0, 2));
        let first = 4 + u32::from_be_bytes(frames[..4].try_into().expect("four bytes")) as usize;
        assert_eq!(head(&frames[first..]), (1, 2));
        let second = &frames[first..];
        let size = u32::from_be_bytes(second[..4].try_into().expect("four bytes")) as usize;
        assert_eq!(second.len(), 4 + size, "nothing is left behind the second frame");
    }

    #[test]
    fn what_does_not_fit_waits_and_what_fits_nowhere_is_refused() {
        let mut messages = messages(&[(1, "a"), (2, "b"), (3, "a")]);
        let mut one = Round::new(&messages, 100_000);
        assert!(one.add(0, 1).expect("it fits"));
        let size = one.finish().0.len();
        // Room for one and a half, of one producer or of two.
        for producer in [0, 1] {
            let mut round = Round::new(&messages, size * 3 / 2);
            assert!(round.add(0, 1).expect("it fits"));
            assert!(!round.add(producer, 2).expect("it waits"));
            assert_eq!(round.bytes, size);
            assert_eq!(numbers(round), [(0, 1)]);
        }
        let mut exact = Round::new(&messages, size);
        assert!(exact.add(0, 1).expect("it fits"));
        let mut narrow = Round::new(&messages, size - 1);
        assert!(matches!(narrow.add(0, 1), Err(Fault::Refused(_))));
        assert_eq!(narrow.finish(), (Vec::new(), Vec::new()));
        messages[0].event.content_type = "té".into();
        let mut round = Round::new(&messages, 100_000);
        assert!(matches!(round.add(0, 1), Err(Fault::Refused(_))));
        assert_eq!(round.finish(), (Vec::new(), Vec::new()));
    }
}
