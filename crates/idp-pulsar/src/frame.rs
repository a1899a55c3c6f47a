//! How commands stand on the wire: sizes in front, messages with a checksum.
//!
//! ```text
//! command:  total size (4) | command size (4) | command
//! message:  the same       | 0x0e01 | crc32c (4) | metadata size (4) | metadata | data
//! ```
//! Numbers are big-endian. The checksum is over everything behind it.

use crate::command::Command;
use crate::metadata::Metadata;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;

/// More than any command of a broker to a producer has; a longer one is no Pulsar protocol.
const COMMAND_BYTES_MAX: usize = 4 * 1024 * 1024;
const MAGIC: u16 = 0x0e01;

/// The frame of a command.
pub(crate) fn command(command: &Command) -> Bytes {
    let mut frame = BytesMut::new();
    let size = command.encoded_len();
    put_size(&mut frame, size + 4);
    put_command(&mut frame, command, size);
    frame.freeze()
}

/// The bytes that the broker counts of a message: metadata and data with the sizes in front of them.
pub(crate) fn message_bytes(metadata: &Metadata, data: &[u8]) -> usize {
    10 + metadata.encoded_len() + data.len()
}

/// Writes the frame of a message up to its data, which must follow.
pub(crate) fn put_message_head(
    frame: &mut BytesMut,
    command: &Command,
    metadata: &Metadata,
    data: &[u8],
) {
    let (command_size, metadata_size) = (command.encoded_len(), metadata.encoded_len());
    put_size(frame, 4 + command_size + 10 + metadata_size + data.len());
    put_command(frame, command, command_size);
    frame.put_u16(MAGIC);
    let checksum_at = frame.len();
    frame.put_u32(0);
    put_size(frame, metadata_size);
    metadata.encode(frame).expect("a growing buffer has room");
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&frame[checksum_at + 4..]), data);
    frame[checksum_at..checksum_at + 4].copy_from_slice(&checksum.to_be_bytes());
}

/// Takes the next command off what was received; `None` if it is not there as a whole.
pub(crate) fn take(received: &mut BytesMut) -> Result<Option<Command>, String> {
    let Some(total) = received.get(..4) else {
        return Ok(None);
    };
    let total = u32::from_be_bytes(total.try_into().expect("four bytes")) as usize;
    if !(4..=COMMAND_BYTES_MAX).contains(&total) {
        return Err(format!("not Pulsar's protocol: a frame of {total} bytes"));
    }
    if received.len() < 4 + total {
        return Ok(None);
    }
    let mut frame = received.split_to(4 + total).freeze();
    frame.advance(4);
    let size = frame.get_u32() as usize;
    if size > frame.len() {
        return Err(format!("not Pulsar's protocol: a command of {size} bytes in {total}"));
    }
    let command = Command::decode(frame.split_to(size));
    command.map(Some).map_err(|error| format!("not Pulsar's protocol: {error}"))
}

fn put_command(frame: &mut BytesMut, command: &Command, size: usize) {
    put_size(frame, size);
    command.encode(frame).expect("a growing buffer has room");
}

fn put_size(frame: &mut BytesMut, size: usize) {
    frame.put_u32(u32::try_from(size).expect("messages are checked against the broker's bound"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_comes_back_from_its_frame_however_it_is_cut() {
        let sent = Command::lookup("persistent://public/default/orders", true, 7);
        let frame = [super::command(&sent), super::command(&Command::ping())].concat();
        let (mut received, mut commands) = (BytesMut::new(), Vec::new());
        for byte in frame {
            received.put_u8(byte);
            commands.extend(take(&mut received).expect("well formed"));
        }
        assert_eq!(commands, [sent, Command::ping()]);
    }

    /// The check value of CRC-32C for "123456789" is e3069283.
    #[test]
    fn the_checksum_is_crc32c_over_size_metadata_and_data() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        let metadata = Metadata { producer_name: "p".into(), ..Metadata::default() };
        let mut frame = BytesMut::new();
        put_message_head(&mut frame, &Command::send(1, 2), &metadata, b"data");
        let size = u32::from_be_bytes(frame[4..8].try_into().expect("four bytes")) as usize;
        let rest = &frame[8 + size..];
        assert_eq!(rest[..2], MAGIC.to_be_bytes());
        let covered = [&rest[6..], b"data"].concat();
        assert_eq!(rest[2..6], crc32c::crc32c(&covered).to_be_bytes());
        let total = u32::from_be_bytes(frame[..4].try_into().expect("four bytes")) as usize;
        assert_eq!(total, frame.len() - 4 + 4);
        assert_eq!(message_bytes(&metadata, b"data"), rest.len() + 4);
    }

    #[test]
    fn what_is_not_the_protocol_is_an_error_and_no_huge_buffer() {
        let http = &b"HTTP/1.1 400 Bad Request\r\n"[..];
        assert!(take(&mut BytesMut::from(http)).is_err());
        assert!(take(&mut BytesMut::from(&[0, 0, 0, 4, 0, 0, 0, 9][..])).is_err());
        assert!(take(&mut BytesMut::from(&[0, 0, 0, 0][..])).is_err());
    }
}
