//! Which partition of a topic a message goes to.

use crate::Access;
use crate::error::Failure;
use idp_application::Message;

/// The partition of a message among so many.
pub(crate) fn of(message: &Message, access: Access, partitions: u32) -> Result<u32, Failure> {
    match access {
        Access::Shared if partitions == 1 => Ok(0),
        Access::Shared => Ok(of_key(&message.event.partition_key(), partitions)),
        Access::Exclusive => of_lane(message, partitions),
    }
}

/// As Java's producers choose by default, so that theirs and ours put one key into one partition:
/// Java's hash of the text without its sign, modulo the number of partitions.
fn of_key(key: &str, partitions: u32) -> u32 {
    let step = |hash: u32, unit: u16| hash.wrapping_mul(31).wrapping_add(u32::from(unit));
    let hash = key.encode_utf16().fold(0, step);
    (hash & 0x7fff_ffff) % partitions
}

fn of_lane(message: &Message, partitions: u32) -> Result<u32, Failure> {
    let lane = message.stream.lane.number();
    let partition = u32::try_from(lane).ok().filter(|lane| *lane < partitions);
    partition.ok_or_else(|| {
        Failure::Unsupported(format!(
            "exclusive access needs a partition for each lane: {} has {partitions}, none for lane \
             {lane}",
            message.topic
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `"hello".hashCode()` is 99162322 and `"polygenelubricants".hashCode()` is the least integer;
    /// the last is a pair of surrogates.
    #[test]
    fn keys_are_hashed_as_java_does() {
        assert_eq!(of_key("hello", 1_000_000_000), 99_162_322);
        assert_eq!(of_key("polygenelubricants", 1_000), 0);
        assert_eq!(of_key("", 7), 0);
        assert_eq!(of_key("\u{1F600}", u32::MAX), 0xD83D * 31 + 0xDE00);
    }
}
