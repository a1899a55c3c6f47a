//! Which partition of a topic a message goes to, and under which name.
//!
//! Where the key decides, another number of partitions leads an event that waits to another partition,
//! which may have a higher number of its stream already: under the same name it would be dropped there as
//! known, and lost. So the name says among how many partitions it was chosen.

use crate::Access;
use crate::error::Failure;
use idp_application::Message;
use std::sync::Arc;

/// The partition of a message among so many.
pub(crate) fn of(message: &Message, access: Access, partitions: u32) -> Result<u32, Failure> {
    match access {
        Access::Shared if partitions == 1 => Ok(0),
        Access::Shared => Ok(of_key(&message.event.partition_key(), partitions)),
        Access::Exclusive => of_lane(message, partitions),
    }
}

/// Among how many partitions the key chooses, if it does.
pub(crate) fn choice(access: Access, partitions: u32) -> Option<u32> {
    (access == Access::Shared && partitions > 0).then_some(partitions)
}

/// The name of a stream's producer where the partition was chosen like that.
pub(crate) fn producer_name(stream: &Arc<str>, among: Option<u32>) -> Arc<str> {
    among.map_or_else(|| stream.clone(), |partitions| format!("{stream}/of/{partitions}").into())
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

    /// Brokers know producers by these names: they must never change.
    #[test]
    fn the_names_of_producers_are_frozen() {
        let name = |access, partitions| {
            producer_name(&"shop/orders/12".into(), choice(access, partitions)).to_string()
        };
        assert_eq!(name(Access::Shared, 0), "shop/orders/12");
        assert_eq!(name(Access::Shared, 3), "shop/orders/12/of/3");
        assert_eq!(name(Access::Exclusive, 64), "shop/orders/12", "the lane is the partition");
    }

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
