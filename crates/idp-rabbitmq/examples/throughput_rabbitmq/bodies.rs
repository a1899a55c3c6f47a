//! The bodies of messages as a bare client sends them.

use idp_application::Message;

/// Bytes of the length that the messages have in a stream, one section of data each.
pub(crate) fn of(letters: &[Message]) -> Vec<Vec<u8>> {
    let body = |letter: &Message| {
        let attributes = letter.attributes();
        let bytes = attributes.iter().map(|(name, value)| 16 + name.len() + value.len());
        let length = 70 + bytes.sum::<usize>() + letter.event.data.len();
        let mut body = vec![0x00, 0x53, 0x75, 0xb0];
        body.extend((length as u32).to_be_bytes());
        body.resize(8 + length, b'x');
        body
    };
    letters.iter().map(body).collect()
}
