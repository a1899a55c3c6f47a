//! One send: messages of one lane under one lease, and what came of it.

use super::sorting::{Slot, Sorted};
use crate::Target;
use crate::gone::Gone;
use idp_application::{
    Cursor, Error, Lane, LaneLease, Message, PublishError, PublishFailure, SetAside, Settlement,
    SideBatch, Stream,
};
use idp_domain::TenantId;
use std::sync::Arc;
use std::time::Instant;

/// Messages to publish, in order.
#[derive(Debug)]
pub(crate) struct Send {
    pub(crate) messages: Vec<Message>,
    /// No later than this must it have ended.
    pub(crate) until: Instant,
    pub(crate) ticket: Ticket,
}

/// What a send is of: what it takes to say what an answer of the bus means.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) lane: Lane,
    pub(crate) epoch: i64,
    /// On whose track; `None` is the main one, and the side track.
    tenant: Option<TenantId>,
    load: Load,
}

#[derive(Clone, Debug)]
enum Load {
    /// A part of the log.
    Main {
        /// Where the lane stands before it.
        start: Place,
        sorted: Sorted,
        /// The news up to which the lane is read when all of it is sent; 0 when there is more.
        news: u64,
    },
    /// The numbers of what was due on the side track.
    Side(Vec<i64>),
}

/// A place in a lane: the cursor, and the number of the last event before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) cursor: Cursor,
    pub(crate) sequence: i64,
}

impl Ticket {
    /// Of a part of the log that was read from where the lease stands.
    pub(crate) fn main(lease: LaneLease, sorted: Sorted, news: u64) -> Self {
        let start = Place { cursor: lease.cursor, sequence: lease.sequence };
        let load = Load::Main { start, sorted, news };
        Self { lane: lease.lane, epoch: lease.epoch, tenant: None, load }
    }

    /// The same of the track of a tenant.
    pub(crate) fn on_track(self, tenant: Option<TenantId>) -> Self {
        Self { tenant, ..self }
    }

    /// What the answer of the bus means. `None` is that everything was taken over.
    pub(crate) fn outcome(self, refusal: Option<PublishError>) -> SendOutcome {
        let Self { lane, epoch, tenant, load } = self;
        let accepted = refusal.as_ref().map_or(usize::MAX, |refusal| refusal.accepted);
        let failure = refusal.map(|refusal| (refusal.failure, refusal.error));
        let sent = match load {
            Load::Main { start, sorted, news } => main_sent(start, sorted, news, accepted),
            Load::Side(numbers) => side_sent(lane, epoch, &numbers, accepted, failure.as_ref()),
        };
        SendOutcome { lane, epoch, tenant, sent, failure, gone: 0 }
    }

    /// The same of a send that some messages were left out of; the answer counts those that were left.
    pub(crate) fn outcome_but(self, gone: &Gone, refusal: Option<PublishError>) -> SendOutcome {
        let whole = gone.among(usize::MAX);
        let refusal = refusal.map(|refusal| {
            let accepted = gone.done(refusal.accepted);
            PublishError { accepted, ..refusal }
        });
        let done = refusal.as_ref().map_or(whole, |refusal| gone.among(refusal.accepted));
        SendOutcome { gone: done, ..self.outcome(refusal) }
    }

    /// The send ended without an answer: it was aborted, or its code panicked.
    pub(crate) fn lost(
        lane: Lane,
        epoch: i64,
        failure: PublishFailure,
        error: Error,
    ) -> SendOutcome {
        let failure = Some((failure, error));
        SendOutcome { lane, epoch, tenant: None, sent: Sent::Nothing, failure, gone: 0 }
    }
}

/// The send of what is due on a side track.
pub(crate) fn side_send(
    target: &Target,
    lease: LaneLease,
    stream: &Arc<Stream>,
    batch: SideBatch,
    until: Instant,
) -> Send {
    let numbers = batch.entries.iter().map(|entry| entry.sequence).collect();
    let message = |entry: idp_application::SideEntry| {
        target.message(entry.envelope, stream, entry.sequence, lease.epoch)
    };
    let messages = batch.entries.into_iter().map(message).collect();
    let load = Load::Side(numbers);
    let ticket = Ticket { lane: lease.lane, epoch: lease.epoch, tenant: None, load };
    Send { messages, until, ticket }
}

/// What came of a send.
#[derive(Debug)]
pub(crate) struct SendOutcome {
    pub(crate) lane: Lane,
    pub(crate) epoch: i64,
    /// On whose track; `None` is the main one, and the side track.
    pub(crate) tenant: Option<TenantId>,
    pub(crate) sent: Sent,
    /// What stopped the next message.
    pub(crate) failure: Option<(PublishFailure, Error)>,
    /// How many of the messages that are done were left out, since nobody can read them any more.
    pub(crate) gone: u64,
}

/// How far a send came.
#[derive(Debug)]
pub(crate) enum Sent {
    /// Nothing for sure.
    Nothing,
    /// In the log.
    Main(MainSent),
    /// On the side track.
    Side { settlement: Settlement, messages: u64 },
}

/// How far a lane came in the log.
#[derive(Debug)]
pub(crate) struct MainSent {
    /// Behind the last event that is done.
    pub(crate) place: Place,
    /// How many messages the bus has taken over.
    pub(crate) messages: u64,
    /// What was set aside on the way.
    pub(crate) aside: Vec<SetAside>,
    /// The event that comes next and was not taken over.
    pub(crate) next: Option<idp_domain::Uuid>,
    /// The news up to which the lane is read.
    pub(crate) news_read: u64,
}

impl SendOutcome {
    /// Whether it was of a side track.
    pub(crate) fn is_side(&self) -> bool {
        matches!(self.sent, Sent::Side { .. })
    }

    /// How many messages the bus has taken over.
    pub(crate) fn messages(&self) -> u64 {
        let done = match &self.sent {
            Sent::Nothing => 0,
            Sent::Main(main) => main.messages,
            Sent::Side { messages, .. } => *messages,
        };
        done.saturating_sub(self.gone)
    }
}

/// Walks through the slots to the first message that was not accepted.
fn main_sent(start: Place, sorted: Sorted, news: u64, accepted: usize) -> Sent {
    let mut sent = MainSent { place: start, messages: 0, aside: vec![], next: None, news_read: 0 };
    let accepted = u64::try_from(accepted).unwrap_or(u64::MAX);
    for (cursor, slot) in sorted.slots {
        match slot {
            Slot::Message(event) if sent.messages == accepted => {
                sent.next = Some(event);
                return Sent::Main(sent);
            }
            Slot::Message(_) => sent.messages += 1,
            Slot::Aside(aside) => sent.aside.push(*aside),
            Slot::Passed(count) => {
                let sequence = sent.place.sequence + i64::from(count);
                sent.place = Place { cursor, sequence };
                continue;
            }
        }
        sent.place = Place { cursor, sequence: sent.place.sequence + 1 };
    }
    if let Some(through) = sorted.through {
        sent.place.cursor = through;
        sent.news_read = news;
    }
    Sent::Main(sent)
}

fn side_sent(
    lane: Lane,
    epoch: i64,
    numbers: &[i64],
    accepted: usize,
    failure: Option<&(PublishFailure, Error)>,
) -> Sent {
    let accepted = accepted.min(numbers.len());
    let through = accepted.checked_sub(1).map_or(0, |last| numbers[last]);
    let refused = failure.filter(|(failure, _)| *failure == PublishFailure::Refused);
    let refused = refused.zip(numbers.get(accepted));
    let refused = refused.map(|((_, error), number)| (*number, error.to_string()));
    if through == 0 && refused.is_none() {
        return Sent::Nothing;
    }
    let settlement = Settlement { lane, epoch, through, refused };
    Sent::Side { settlement, messages: u64::try_from(accepted).unwrap_or(u64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::blocked::Blocked;
    use crate::worker::sample::{batch, lease, target};
    use crate::worker::sorting::Sorting;
    use idp_application::ErrorKind;

    fn ticket() -> (Ticket, Vec<Message>) {
        let lease = LaneLease { sequence: 40, ..lease(3, 7) };
        let (target, blocked) = (target(), Blocked::default());
        let sorting = Sorting::of(&target, lease, &blocked, None);
        let (sorted, messages) = sorting.sort(batch(3, &[101, 105, 106], 110));
        (Ticket::main(lease, sorted, 5), messages)
    }

    fn failed(accepted: usize) -> Option<PublishError> {
        let error = Error::new(ErrorKind::Unavailable, "publish", "no");
        Some(PublishError { accepted, failure: PublishFailure::Unavailable, error })
    }

    fn sent(answer: Option<PublishError>) -> (u64, i64, i64) {
        match ticket().0.outcome(answer).sent {
            Sent::Main(sent) => (sent.messages, sent.place.sequence, sent.place.cursor.position),
            other => panic!("of the log, not {other:?}"),
        }
    }

    #[test]
    fn messages_are_numbered_on_from_the_lease_without_gaps() {
        let messages = ticket().1;
        let numbers: Vec<_> = messages.iter().map(|message| message.sequence).collect();
        assert_eq!(numbers, [41, 42, 43]);
        assert!(messages.iter().all(|message| message.epoch == 7));
        assert!(messages.iter().all(|message| message.stream.lane == Lane::from_number(3)));
    }

    #[test]
    fn a_whole_batch_ends_where_it_was_read_to() {
        assert_eq!(sent(None), (3, 43, 110));
    }

    #[test]
    fn a_part_of_a_batch_ends_behind_its_last_accepted_event() {
        assert_eq!(sent(failed(2)), (2, 42, 105));
    }

    #[test]
    fn nothing_accepted_leaves_the_lane_where_it_was() {
        assert_eq!(sent(failed(0)), (0, 40, 0));
    }

    #[test]
    fn a_bus_that_claims_more_than_it_was_given_is_not_believed() {
        assert_eq!(sent(failed(9)).0, 3);
    }
}
