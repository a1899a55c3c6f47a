//! The frames of the RabbitMQ Streams protocol, as far as a producer needs them.
//!
//! A frame is its size, a key, a version and the content, all numbers with the most significant byte
//! first. Requests carry a number by which the answer is told. Written after `PROTOCOL.adoc` of
//! `github.com/rabbitmq/rabbitmq-server`.

use bytes::{Buf, Bytes, BytesMut, TryGetError};
use std::fmt;

pub(crate) const OK: u16 = 1;
const VERSION: u16 = 1;
const ANSWER: u16 = 0x8000;
/// What no frame that we read may exceed: the broker has nothing long to say to a producer.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a frame is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Key {
    DeclarePublisher = 0x01,
    Publish = 0x02,
    PublishConfirm = 0x03,
    PublishError = 0x04,
    QueryPublisherSequence = 0x05,
    DeletePublisher = 0x06,
    MetadataUpdate = 0x10,
    PeerProperties = 0x11,
    SaslHandshake = 0x12,
    SaslAuthenticate = 0x13,
    Tune = 0x14,
    Open = 0x15,
    Close = 0x16,
    Heartbeat = 0x17,
}

/// A frame on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing(Vec<u8>);

impl Outgoing {
    pub(crate) fn command(key: Key) -> Self {
        Self(vec![0; 4]).u16(key as u16).u16(VERSION)
    }

    pub(crate) fn request(key: Key, correlation: u32) -> Self {
        Self::command(key).u32(correlation)
    }

    pub(crate) fn answer(key: Key, correlation: u32) -> Self {
        Self(vec![0; 4]).u16(key as u16 | ANSWER).u16(VERSION).u32(correlation).u16(OK)
    }

    pub(crate) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(crate) fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    /// All that we send is shorter than 64 KiB by the checks of the configuration and of names.
    pub(crate) fn string(mut self, text: &str) -> Self {
        let length = u16::try_from(text.len()).expect("names are checked to be short");
        self = self.u16(length);
        self.0.extend(text.as_bytes());
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        let length =
            u32::try_from(bytes.len()).expect("what is sent as bytes is checked to be short");
        self = self.u32(length);
        self.0.extend(bytes);
        self
    }

    /// The bytes of the frame.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        seal(&mut self.0);
        self.0
    }
}

/// Writes the size of a frame where it belongs.
pub(crate) fn seal(frame: &mut [u8]) {
    let size = u32::try_from(frame.len() - 4).expect("frames are bounded by the configuration");
    frame[..4].copy_from_slice(&size.to_be_bytes());
}

/// A frame that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// These messages of that publisher are stored.
    Confirmed { publisher: u8, ids: Vec<u64> },
    /// These messages of that publisher are not, each with a code that says why.
    Failed { publisher: u8, ids: Vec<(u64, u16)> },
    /// The publishers to that stream exist no longer.
    Gone { stream: String },
    /// The largest frame in bytes, and the longest silence in seconds; 0 is no limit.
    Tune { frame_bytes: u32, heartbeat: u32 },
    /// The broker closes the connection.
    Close { correlation: u32, code: u16, reason: String },
    /// The answer to a request, with what it has besides the code.
    Answer { key: u16, correlation: u32, code: u16, rest: Bytes },
    /// Nothing that a producer needs to know.
    Other,
}

/// What came is not what the protocol says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the broker does not keep to the protocol of streams")
    }
}

impl std::error::Error for Broken {}

impl From<TryGetError> for Broken {
    fn from(_: TryGetError) -> Self {
        Self
    }
}

/// Takes one frame from the front of what was read; `None` while it is not complete.
pub(crate) fn decode(read: &mut BytesMut) -> Result<Option<Incoming>, Broken> {
    let Some((size, _)) = read.split_first_chunk() else {
        return Ok(None);
    };
    let size = u32::from_be_bytes(*size) as usize;
    if size > BYTES_MAX {
        return Err(Broken);
    }
    if read.len() < 4 + size {
        return Ok(None);
    }
    read.advance(4);
    content(read.split_to(size).freeze()).map(Some)
}

fn content(mut frame: Bytes) -> Result<Incoming, Broken> {
    let key = frame.try_get_u16()?;
    let _version = frame.try_get_u16()?;
    let is = |wanted: Key| key == wanted as u16;
    if key & ANSWER != 0 {
        let correlation = frame.try_get_u32()?;
        let code = frame.try_get_u16()?;
        return Ok(Incoming::Answer { key: key & !ANSWER, correlation, code, rest: frame });
    }
    if is(Key::PublishConfirm) {
        let publisher = frame.try_get_u8()?;
        let ids = list(&mut frame, |frame| Ok(frame.try_get_u64()?))?;
        return Ok(Incoming::Confirmed { publisher, ids });
    }
    if is(Key::PublishError) {
        let publisher = frame.try_get_u8()?;
        let ids = list(&mut frame, |frame| Ok((frame.try_get_u64()?, frame.try_get_u16()?)))?;
        return Ok(Incoming::Failed { publisher, ids });
    }
    if is(Key::MetadataUpdate) {
        let _code = frame.try_get_u16()?;
        return Ok(Incoming::Gone { stream: string(&mut frame)? });
    }
    if is(Key::Tune) {
        let (frame_bytes, heartbeat) = (frame.try_get_u32()?, frame.try_get_u32()?);
        return Ok(Incoming::Tune { frame_bytes, heartbeat });
    }
    if is(Key::Close) {
        let (correlation, code) = (frame.try_get_u32()?, frame.try_get_u16()?);
        return Ok(Incoming::Close { correlation, code, reason: string(&mut frame)? });
    }
    Ok(Incoming::Other)
}

fn list<T>(
    frame: &mut Bytes,
    mut item: impl FnMut(&mut Bytes) -> Result<T, Broken>,
) -> Result<Vec<T>, Broken> {
    let count = frame.try_get_u32()?;
    (0..count).map(|_| item(frame)).collect()
}

fn string(frame: &mut Bytes) -> Result<String, Broken> {
    let length = usize::from(frame.try_get_u16()?);
    if frame.len() < length {
        return Err(Broken);
    }
    String::from_utf8(frame.split_to(length).to_vec()).map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Incoming>, Broken> {
        decode(&mut BytesMut::from(bytes))
    }

    #[test]
    fn a_frame_is_its_size_key_version_and_content() {
        let frame = Outgoing::request(Key::DeclarePublisher, 7).u8(3).string("ab").finish();
        assert_eq!(frame, [0, 0, 0, 13, 0, 1, 0, 1, 0, 0, 0, 7, 3, 0, 2, b'a', b'b']);
    }

    #[test]
    fn what_is_not_complete_is_waited_for_and_what_follows_is_kept() {
        let mut bytes = vec![0, 0, 0, 17, 0, 3, 0, 1, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5];
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), Ok(None));
        }
        bytes.extend([0, 0]);
        let mut buffer = BytesMut::from(&bytes[..]);
        let confirmed = Incoming::Confirmed { publisher: 9, ids: vec![5] };
        assert_eq!(decode(&mut buffer), Ok(Some(confirmed)));
        assert_eq!(&buffer[..], [0, 0]);
    }

    #[test]
    fn what_is_no_frame_is_an_error_and_no_panic() {
        assert_eq!(read(&[0xff; 8]), Err(Broken));
        // A confirmation of more numbers than it has.
        let lying = [0, 0, 0, 9, 0, 3, 0, 1, 9, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(read(&lying), Err(Broken));
        // A stream whose name is longer than the frame.
        assert_eq!(read(&[0, 0, 0, 8, 0, 0x10, 0, 1, 0, 6, 0, 9]), Err(Broken));
        assert_eq!(read(&[0, 0, 0, 1, 0]), Err(Broken));
    }
}
