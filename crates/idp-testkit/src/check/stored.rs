//! What a broker has that drops messages by stream and number: every event once.

use crate::{History, Violation};
use idp_domain::Uuid;
use std::collections::HashMap;

/// Everything that a broker did not store once, if it drops each message whose number is not above the
/// highest that it has of the stream.
///
/// That holds for histories in which nothing that may have been sent was set aside, and nobody was
/// paused: both can make an event leave on another stream while it is not known whether it left.
pub fn check_stored(history: &History) -> Vec<Violation> {
    let mut highest: HashMap<&str, i64> = HashMap::new();
    let mut stored: HashMap<Uuid, u32> = HashMap::new();
    for delivery in &history.deliveries {
        let highest = highest.entry(&delivery.stream).or_default();
        let times = stored.entry(delivery.event).or_default();
        *times += u32::from(delivery.sequence > *highest);
        *highest = delivery.sequence.max(*highest);
    }
    let violation = |(event, times): (&Uuid, &u32)| match times {
        0 => Some(Violation::NeverStored { event: *event }),
        1 => None,
        _ => Some(Violation::StoredTwice { event: *event }),
    };
    stored.iter().filter_map(violation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Delivery;

    fn found(deliveries: &[(&str, i64, u128)]) -> Vec<Violation> {
        let delivery = |(stream, sequence, event): &(&str, i64, u128)| Delivery {
            worker: Uuid::from_u128(1),
            lane: 0,
            stream: (*stream).to_owned(),
            epoch: 1,
            sequence: *sequence,
            event: Uuid::from_u128(*event),
        };
        let deliveries = deliveries.iter().map(delivery).collect();
        check_stored(&History { deliveries, ..History::default() })
    }

    #[test]
    fn what_is_sent_again_on_its_stream_is_dropped() {
        assert_eq!(found(&[("main", 1, 1), ("main", 2, 2), ("main", 1, 1), ("main", 2, 2)]), []);
    }

    #[test]
    fn what_is_sent_again_on_another_stream_is_stored_twice() {
        let event = Uuid::from_u128(1);
        assert_eq!(found(&[("main", 1, 1), ("acme", 1, 1)]), [Violation::StoredTwice { event }]);
    }

    #[test]
    fn what_comes_behind_a_higher_number_is_never_stored() {
        let event = Uuid::from_u128(2);
        assert_eq!(found(&[("main", 5, 5), ("main", 2, 2)]), [Violation::NeverStored { event }]);
    }
}
