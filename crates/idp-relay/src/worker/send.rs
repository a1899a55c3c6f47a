//! One send: messages of one lane under one lease, and what came of it.

use idp_application::{Cursor, Error, Lane, LaneBatch, LaneLease, Message, PublishError};
use std::time::Instant;

/// Messages to publish, in order.
#[derive(Debug)]
pub(crate) struct Send {
    pub(crate) lane: Lane,
    pub(crate) epoch: i64,
    pub(crate) messages: Vec<Message>,
    /// No later than this must it have ended.
    pub(crate) until: Instant,
    /// Where the lane stands before the first message and behind each of them; behind the last it
    /// is where the whole batch ends.
    cursors: Vec<Cursor>,
}

impl Send {
    /// Numbers the events of a batch that was read from where the lease stands.
    pub(crate) fn of(lease: LaneLease, batch: LaneBatch, until: Instant) -> Self {
        let (lane, epoch) = (lease.lane, lease.epoch);
        let mut cursors = vec![lease.cursor];
        let mut messages = Vec::with_capacity(batch.events.len());
        for (lane_sequence, event) in (lease.sequence + 1..).zip(batch.events) {
            cursors.push(event.cursor);
            messages.push(Message { envelope: event.envelope, lane, lane_sequence, epoch });
        }
        if let Some(end) = cursors.last_mut() {
            *end = batch.through;
        }
        Self { lane, epoch, messages, until, cursors }
    }

    /// What the answer of the bus means.
    pub(crate) fn outcome(&self, answer: Result<(), PublishError>) -> SendOutcome {
        let (accepted, error) = match answer {
            Ok(()) => (self.messages.len(), None),
            Err(e) => (e.accepted.min(self.messages.len()), Some(e.error)),
        };
        let sent = i64::try_from(accepted).expect("a batch is not that long");
        let cursor = self.cursors[accepted];
        SendOutcome { lane: self.lane, epoch: self.epoch, sent, cursor: Some(cursor), error }
    }
}

/// What came of a send.
#[derive(Debug)]
pub(crate) struct SendOutcome {
    pub(crate) lane: Lane,
    pub(crate) epoch: i64,
    /// How many messages, from the first, the bus has taken over.
    pub(crate) sent: i64,
    /// Behind the last of them; `None` when it is not known and nothing was sent for sure.
    pub(crate) cursor: Option<Cursor>,
    /// What stopped the next one.
    pub(crate) error: Option<Error>,
}

impl SendOutcome {
    /// The send ended without an answer: it was aborted, or its code panicked.
    pub(crate) fn lost(lane: Lane, epoch: i64, error: Error) -> Self {
        Self { lane, epoch, sent: 0, cursor: None, error: Some(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::sample::{batch, lease};
    use idp_application::ErrorKind;

    fn send() -> Send {
        let lease = LaneLease { sequence: 40, ..lease(3, 7) };
        Send::of(lease, batch(3, &[101, 105, 106], 110), Instant::now())
    }

    fn refused(accepted: usize) -> Result<(), PublishError> {
        Err(PublishError { accepted, error: Error::new(ErrorKind::Unavailable, "publish", "no") })
    }

    #[test]
    fn messages_are_numbered_on_from_the_lease_without_gaps() {
        let send = send();
        let numbers: Vec<_> = send.messages.iter().map(|message| message.lane_sequence).collect();
        assert_eq!(numbers, [41, 42, 43]);
        assert!(send.messages.iter().all(|message| message.epoch == 7));
        assert!(send.messages.iter().all(|message| message.lane == Lane::from_number(3)));
    }

    #[test]
    fn a_whole_batch_ends_where_it_was_read_to() {
        let outcome = send().outcome(Ok(()));
        assert_eq!((outcome.sent, outcome.cursor.map(|c| c.position)), (3, Some(110)));
        assert!(outcome.error.is_none());
    }

    #[test]
    fn a_part_of_a_batch_ends_behind_its_last_accepted_event() {
        let outcome = send().outcome(refused(2));
        assert_eq!((outcome.sent, outcome.cursor.map(|c| c.position)), (2, Some(105)));
        assert!(outcome.error.is_some());
    }

    #[test]
    fn nothing_accepted_leaves_the_lane_where_it_was() {
        let outcome = send().outcome(refused(0));
        assert_eq!((outcome.sent, outcome.cursor), (0, Some(Cursor::default())));
    }

    #[test]
    fn a_bus_that_claims_more_than_it_was_given_is_not_believed() {
        assert_eq!(send().outcome(refused(9)).sent, 3);
    }
}
