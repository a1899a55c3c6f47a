//! The port of operators: what could not be delivered, and what to do about it.

use crate::{Actor, BoxFuture, DeliveryKey, Error, Lane};
use idp_domain::{Envelope, TenantId, Timestamp, Uuid};

/// A parked key: its first event was refused by the bus, the others wait behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParkedKey {
    /// The key.
    pub key: DeliveryKey,
    /// The lane it is in.
    pub lane: Lane,
    /// Whether it waits for an operator. Otherwise it was resumed and is being sent.
    pub is_parked: bool,
    /// How many of its events are set aside.
    pub events: u32,
    /// How often an event of it was refused since it was parked first.
    pub attempts: u32,
    /// What the bus said last.
    pub last_error: String,
    /// Since when: when it was parked first.
    pub since: Timestamp,
    /// Rises with every command and every refusal, also when the key is parked anew after all of it was
    /// sent; not with events that queue up behind. A command names the revision that it is about.
    pub revision: i64,
}

impl ParkedKey {
    /// One key, if it is parked, or resumed and not sent yet; `None` if it is neither.
    pub async fn find(
        letters: &(impl DeadLetters + ?Sized),
        reader: &str,
        key: &DeliveryKey,
    ) -> Result<Option<Self>, Error> {
        let tenant = &key.tenant;
        let before = key.aggregate_id.as_u128().checked_sub(1).map(|number| DeliveryKey {
            tenant: tenant.clone(),
            aggregate_id: Uuid::from_u128(number),
        });
        let next = letters.parked(reader, Some(tenant), before.as_ref(), 1).await?;
        Ok(next.into_iter().find(|parked| parked.key == *key))
    }
}

/// One event of a parked key.
#[derive(Clone, Debug, PartialEq)]
pub struct ParkedEvent {
    /// Its number in the lane.
    pub sequence: i64,
    /// The event, as it was set aside or as it was edited.
    pub envelope: Envelope,
    /// Whether an operator changed the payload.
    pub is_edited: bool,
    /// Whether it is being sent: it has a number of the side track and cannot be changed.
    pub is_numbered: bool,
}

/// What an operator wants done with a parked key.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetterCommand {
    /// Who.
    pub actor: Actor,
    /// Which key.
    pub key: DeliveryKey,
    /// The revision that the operator saw.
    pub revision: i64,
    /// What to do.
    pub action: DeadLetterAction,
    /// Why. Kept with the record of it.
    pub reason: String,
}

/// What to do with a parked key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeadLetterAction {
    /// Send its events, in their order.
    Resume,
    /// Replace the payload of one of its events, which must be JSON; see
    /// [`edited_event`](crate::edited_event). The key stays parked.
    Edit {
        /// Which event.
        event: Uuid,
        /// The new payload.
        payload: String,
    },
    /// Never send this event. The others stay parked; after the last, the key is not parked any more.
    Discard {
        /// Which event.
        event: Uuid,
    },
    /// Never send any of the events that are parked now. Later events of the key are sent again.
    DiscardKey,
}

impl DeadLetterAction {
    /// A stable name, as the record has it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Edit { .. } => "edit",
            Self::Discard { .. } => "discard",
            Self::DiscardKey => "discard_key",
        }
    }
}

/// What was done with a dead letter, kept for good.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetterRecord {
    /// When, by the clock of the database.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
    /// The [code](DeadLetterAction::code) of the action.
    pub action: String,
    /// The key.
    pub key: DeliveryKey,
    /// The events that it was about; those of a discarded key, each.
    pub events: Vec<Uuid>,
    /// Why.
    pub reason: String,
    /// The payload before an edit, or of a single discarded event.
    pub payload_before: Option<String>,
}

/// What could not be delivered, by reader (that is, by target).
///
/// # Contract
/// Adapters prove these with `idp_conformance::deliveries!`.
///
/// 1. A command and the record of it are written in one transaction.
/// 2. A command about another revision than the present one changes nothing and fails with
///    [`Conflict`](crate::ErrorKind::Conflict), as does one that would change an event that is being
///    sent, or resume a key again. One about a key that is neither parked nor resumed, or about an
///    event that it has not, fails with [`NotFound`](crate::ErrorKind::NotFound).
/// 3. Discarded events are never sent; everything else that was set aside is sent in the end.
pub trait DeadLetters: Send + Sync + 'static {
    /// The keys that are parked, or resumed and not sent yet, by tenant and aggregate, behind the one
    /// given; those of one tenant if one is given.
    fn parked<'a>(
        &'a self,
        reader: &'a str,
        tenant: Option<&'a TenantId>,
        after: Option<&'a DeliveryKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<ParkedKey>, Error>>;

    /// The events of a key that are set aside and not scheduled, in the order of the log.
    fn events<'a>(
        &'a self,
        reader: &'a str,
        key: &'a DeliveryKey,
    ) -> BoxFuture<'a, Result<Vec<ParkedEvent>, Error>>;

    /// Does what an operator wants.
    fn command<'a>(
        &'a self,
        reader: &'a str,
        command: &'a DeadLetterCommand,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// What was done, the latest first.
    fn records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<DeadLetterRecord>, Error>>;
}
