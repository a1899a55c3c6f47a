//! Where a stream stands: the record in the topic of positions.

use idp_application::Stream;

/// How many partitions of the topic of positions are used. It is part of what is stored: with another
/// number no position would be found.
pub(crate) const PARTITIONS: i32 = 16;

/// The last message of a stream that is stored, and under which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The number of the message in its stream.
    pub(crate) sequence: i64,
    /// The epoch that it was published under.
    pub(crate) epoch: i64,
}

impl Position {
    /// The value of the record.
    pub(crate) fn text(self) -> String {
        format!("sequence={} epoch={}", self.sequence, self.epoch)
    }

    /// Reads the value of a record; `None` when this version did not write it.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (sequence, epoch) = text.strip_prefix("sequence=")?.split_once(" epoch=")?;
        Some(Self { sequence: sequence.parse().ok()?, epoch: epoch.parse().ok()? })
    }
}

/// Which partition the positions of a stream are in. Streams of one lane share it: they are published by
/// one worker, so that nobody waits for the transaction of somebody who is gone.
pub(crate) fn partition(stream: &Stream) -> i32 {
    i32::from(stream.lane.number()).rem_euclid(PARTITIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::{Lane, Track};

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let position = Position { sequence: 4_711, epoch: 12 };
        assert_eq!(position.text(), "sequence=4711 epoch=12");
        assert_eq!(Position::parse(position.text().as_bytes()), Some(position));
    }

    #[test]
    fn what_is_no_position_is_not_taken_for_one() {
        for text in ["", "12", "sequence= epoch=1", "sequence=1", "sequence=1 epoch=2 x"] {
            assert_eq!(Position::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Position::parse(&[0xff]), None);
    }

    /// Stored positions are found by it: it must never change.
    #[test]
    fn the_partitions_of_streams_are_frozen() {
        let of = |lane| {
            let lane = Lane::from_number(lane);
            partition(&Stream { target: "orders".into(), lane, track: Track::Main })
        };
        assert_eq!([of(0), of(15), of(16), of(63), of(-1)], [0, 15, 0, 15, 15]);
    }
}
