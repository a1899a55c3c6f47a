//! What operators do about events that could not be delivered.

use crate::side_track::SideTrack;
use crate::state::State;
use crate::store::MemoryStore;
use idp_application::{
    BoxFuture, DeadLetterAction, DeadLetterCommand, DeadLetterRecord, DeadLetters, DeliveryKey,
    Error, ErrorKind, ParkedEvent, ParkedKey, edited_event,
};
use idp_domain::{TenantId, Timestamp, Uuid};
use std::ops::Bound;

/// What a command did.
struct Done {
    events: Vec<Uuid>,
    payload_before: Option<String>,
}

impl State {
    fn command(
        &mut self,
        reader: &str,
        command: &DeadLetterCommand,
        at: Timestamp,
    ) -> Result<(), Error> {
        let side = self.side_tracks.get_mut(reader).ok_or_else(not_parked)?;
        let done = side.obey(command)?;
        let is_parked_still = !side.forget_unblocked(&command.key);
        let revision = self.next_revision();
        if is_parked_still
            && let Some(side) = self.side_tracks.get_mut(reader)
            && let Some(parked) = side.keys.get_mut(&command.key)
        {
            parked.revision = revision;
        }
        let record = DeadLetterRecord {
            at,
            actor: command.actor.as_str().to_owned(),
            action: command.action.code().to_owned(),
            key: command.key.clone(),
            events: done.events,
            reason: command.reason.clone(),
            payload_before: done.payload_before,
        };
        self.dead_letter_records.push((reader.to_owned(), record));
        Ok(())
    }
}

impl SideTrack {
    /// Does it, or fails and changes nothing.
    fn obey(&mut self, command: &DeadLetterCommand) -> Result<Done, Error> {
        let DeadLetterCommand { key, revision, action, .. } = command;
        let parked = self.keys.get_mut(key).ok_or_else(not_parked)?;
        if parked.revision != *revision {
            return Err(conflict("the key was changed by somebody else"));
        }
        match action {
            DeadLetterAction::Resume if !parked.is_parked => {
                Err(conflict("the key is resumed already"))
            }
            DeadLetterAction::Resume => {
                parked.is_parked = false;
                let events = self.blocking(key).map(|(_, entry)| entry.envelope.event_id);
                Ok(Done { events: events.collect(), payload_before: None })
            }
            DeadLetterAction::Edit { event, payload } => self.edit(key, *event, payload),
            DeadLetterAction::Discard { event } => self.discard(key, *event),
            DeadLetterAction::DiscardKey => self.discard_key(key),
        }
    }

    fn edit(&mut self, key: &DeliveryKey, event: Uuid, payload: &str) -> Result<Done, Error> {
        let lane = self.keys[key].lane;
        let sequence = self.waiting(key, event)?;
        let entry = self.entry_mut(lane, sequence).ok_or_else(unknown_event)?;
        let payload_before = Some(entry.envelope.payload.clone());
        entry.envelope = edited_event(entry.envelope.clone(), payload)?;
        entry.is_edited = true;
        Ok(Done { events: vec![event], payload_before })
    }

    fn discard(&mut self, key: &DeliveryKey, event: Uuid) -> Result<Done, Error> {
        let lane = self.keys[key].lane;
        let sequence = self.waiting(key, event)?;
        let entry = self.entry_mut(lane, sequence).ok_or_else(unknown_event)?;
        let payload_before = Some(entry.envelope.payload.clone());
        self.remove(lane, &[sequence]);
        Ok(Done { events: vec![event], payload_before })
    }

    fn discard_key(&mut self, key: &DeliveryKey) -> Result<Done, Error> {
        if self.blocking(key).any(|(_, entry)| entry.is_numbered()) {
            return Err(being_sent());
        }
        let gone = self.blocking(key).map(|(sequence, entry)| (sequence, entry.envelope.event_id));
        let (sequences, events): (Vec<_>, Vec<_>) = gone.unzip();
        self.remove(self.keys[key].lane, &sequences);
        Ok(Done { events, payload_before: None })
    }

    /// The number in the lane of an event that blocks its key and is not being sent.
    fn waiting(&self, key: &DeliveryKey, event: Uuid) -> Result<i64, Error> {
        let found = self.blocking(key).find(|(_, entry)| entry.envelope.event_id == event);
        let (sequence, entry) = found.ok_or_else(unknown_event)?;
        if entry.is_numbered() { Err(being_sent()) } else { Ok(sequence) }
    }

    fn parked(
        &self,
        tenant: Option<&TenantId>,
        after: Option<&DeliveryKey>,
        limit: u32,
    ) -> Vec<ParkedKey> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = self.keys.range((start, Bound::Unbounded));
        let keys = keys.filter(|(key, _)| tenant.is_none_or(|tenant| key.tenant == *tenant));
        keys.take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|(key, parked)| ParkedKey {
                key: key.clone(),
                lane: parked.lane,
                is_parked: parked.is_parked,
                events: u32::try_from(self.blocking(key).count()).unwrap_or(u32::MAX),
                attempts: parked.attempts,
                last_error: parked.last_error.clone(),
                since: parked.since,
                revision: parked.revision,
            })
            .collect()
    }
}

impl DeadLetters for MemoryStore {
    fn parked<'a>(
        &'a self,
        reader: &'a str,
        tenant: Option<&'a TenantId>,
        after: Option<&'a DeliveryKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<ParkedKey>, Error>> {
        Box::pin(async move {
            let state = self.state();
            let side = state.side_tracks.get(reader);
            Ok(side.map_or_else(Vec::new, |side| side.parked(tenant, after, limit)))
        })
    }

    fn events<'a>(
        &'a self,
        reader: &'a str,
        key: &'a DeliveryKey,
    ) -> BoxFuture<'a, Result<Vec<ParkedEvent>, Error>> {
        Box::pin(async move {
            let state = self.state();
            let Some(side) = state.side_tracks.get(reader) else { return Ok(Vec::new()) };
            let events = side.blocking(key).map(|(sequence, entry)| ParkedEvent {
                sequence,
                envelope: entry.envelope.clone(),
                is_edited: entry.is_edited,
                is_numbered: entry.is_numbered(),
            });
            Ok(events.collect())
        })
    }

    fn command<'a>(
        &'a self,
        reader: &'a str,
        command: &'a DeadLetterCommand,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let now = self.now();
            self.state().command(reader, command, now)
        })
    }

    fn records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<DeadLetterRecord>, Error>> {
        Box::pin(async move {
            let state = self.state();
            let records = state.dead_letter_records.iter().rev().filter(|(of, _)| of == reader);
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Ok(records.take(limit).map(|(_, record)| record.clone()).collect())
        })
    }
}

const OPERATION: &str = "command a dead letter";

fn not_parked() -> Error {
    Error::new(ErrorKind::NotFound, OPERATION, "the key is not parked")
}

fn unknown_event() -> Error {
    Error::new(ErrorKind::NotFound, OPERATION, "the key has no such event")
}

fn being_sent() -> Error {
    conflict("the event is being sent")
}

fn conflict(message: &str) -> Error {
    Error::new(ErrorKind::Conflict, OPERATION, message)
}
