//! What operators do about events that could not be delivered: each command one write transaction,
//! with the record of it.

use crate::error::translate;
use crate::set_aside::{Place, next_revision, replace_event};
use crate::store::SqliteStore;
use crate::value::BoundUuid;
use crate::{lease, letters};
use idp_application::{
    BoxFuture, DeadLetterAction, DeadLetterCommand, DeadLetterRecord, DeadLetters, DeliveryKey,
    Error, ErrorKind, LaneCount, ParkedEvent, ParkedKey, edited_event,
};
use idp_domain::{TenantId, Uuid};
use rusqlite::{Connection, params};

const OPERATION: &str = "command a dead letter";

const SET_STATE: &str = "
    UPDATE idp_parked_key SET revision = ?5, state = ?6
     WHERE reader = ?1 AND ?2 = lane AND tenant_id = ?3 AND aggregateid = ?4";

const REMOVE: &str = "DELETE FROM idp_set_aside WHERE reader = ?1 AND lane = ?2 AND sequence = ?3";

const RECORD: &str = "
    INSERT INTO idp_dead_letter_record
      (reader, at, actor, action, tenant_id, aggregateid, reason, payload_before)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const RECORD_EVENT: &str =
    "INSERT INTO idp_dead_letter_event (record, number, event_id) VALUES (?1, ?2, ?3)";

/// What a command did.
struct Done {
    events: Vec<Uuid>,
    payload_before: Option<String>,
}

fn command(
    connection: &Connection,
    reader: &str,
    command: &DeadLetterCommand,
    lanes: LaneCount,
) -> Result<(), Error> {
    let parked = letters::parked_key(connection, reader, &command.key)?;
    let parked = parked.ok_or_else(|| not_found("the key is not parked"))?;
    if parked.revision != command.revision {
        return Err(conflict("the key was changed by somebody else"));
    }
    let events = letters::events(connection, reader, &command.key, lanes)?;
    let obeying = Obeying { connection, reader, parked: &parked, events: &events };
    let done = obeying.obey(&command.action)?;
    let is_parked = parked.is_parked && command.action != DeadLetterAction::Resume;
    let state = if is_parked { "parked" } else { "resumed" };
    let failed = |e| translate(OPERATION, e);
    let place = obeying.place();
    if !place.forget_unblocked(connection).map_err(failed)? {
        let revision = next_revision(connection).map_err(failed)?;
        place.execute(connection, SET_STATE, &[&revision, &state]).map_err(failed)?;
        if !is_parked {
            place.free(connection).map_err(failed)?;
        }
    }
    record(connection, reader, command, &done).map_err(failed)
}

/// A command that is about to be done.
struct Obeying<'c> {
    connection: &'c Connection,
    reader: &'c str,
    parked: &'c ParkedKey,
    /// Those that block the key.
    events: &'c [ParkedEvent],
}

impl Obeying<'_> {
    fn place(&self) -> Place<'_> {
        Place { reader: self.reader, lane: self.parked.lane, key: &self.parked.key }
    }

    fn obey(&self, action: &DeadLetterAction) -> Result<Done, Error> {
        let all = || self.events.iter().map(|event| event.envelope.event_id).collect();
        match action {
            DeadLetterAction::Resume if !self.parked.is_parked => {
                Err(conflict("the key is resumed already"))
            }
            DeadLetterAction::Resume => Ok(Done { events: all(), payload_before: None }),
            DeadLetterAction::Edit { event, payload } => self.edit(*event, payload),
            DeadLetterAction::Discard { event } => {
                let waiting = self.waiting(*event)?;
                self.remove(waiting)?;
                let payload_before = Some(waiting.envelope.payload.clone());
                Ok(Done { events: vec![*event], payload_before })
            }
            DeadLetterAction::DiscardKey => {
                if self.events.iter().any(|event| event.is_numbered) {
                    return Err(conflict("an event of the key is being sent"));
                }
                self.events.iter().try_for_each(|event| self.remove(event))?;
                Ok(Done { events: all(), payload_before: None })
            }
        }
    }

    fn edit(&self, event: Uuid, payload: &str) -> Result<Done, Error> {
        let waiting = self.waiting(event)?;
        let edited = edited_event(waiting.envelope.clone(), payload)?;
        let lane = (self.reader, self.parked.lane);
        replace_event(self.connection, lane, waiting.sequence, &edited)
            .map_err(|e| translate(OPERATION, e))?;
        let payload_before = Some(waiting.envelope.payload.clone());
        Ok(Done { events: vec![event], payload_before })
    }

    /// The event, if it is not being sent.
    fn waiting(&self, event: Uuid) -> Result<&ParkedEvent, Error> {
        let found = self.events.iter().find(|waiting| waiting.envelope.event_id == event);
        let found = found.ok_or_else(|| not_found("the key has no such event"))?;
        if found.is_numbered { Err(conflict("the event is being sent")) } else { Ok(found) }
    }

    fn remove(&self, event: &ParkedEvent) -> Result<(), Error> {
        let failed = |e| translate(OPERATION, e);
        let mut remove = self.connection.prepare_cached(REMOVE).map_err(failed)?;
        let parameters = params![self.reader, self.parked.lane.number(), event.sequence];
        remove.execute(parameters).map(drop).map_err(failed)
    }
}

fn record(
    connection: &Connection,
    reader: &str,
    command: &DeadLetterCommand,
    done: &Done,
) -> rusqlite::Result<()> {
    let DeadLetterCommand { actor, key, action, reason, .. } = command;
    connection.prepare_cached(RECORD)?.execute(params![
        reader,
        lease::now(connection)?,
        actor.as_str(),
        action.code(),
        key.tenant.as_str(),
        BoundUuid(key.aggregate_id),
        reason,
        done.payload_before,
    ])?;
    let record = connection.last_insert_rowid();
    let mut statement = connection.prepare_cached(RECORD_EVENT)?;
    for (number, event) in (1_i64..).zip(&done.events) {
        statement.execute(params![record, number, BoundUuid(*event)])?;
    }
    Ok(())
}

fn not_found(message: &str) -> Error {
    Error::new(ErrorKind::NotFound, OPERATION, message)
}

fn conflict(message: &str) -> Error {
    Error::new(ErrorKind::Conflict, OPERATION, message)
}

impl DeadLetters for SqliteStore {
    fn parked<'a>(
        &'a self,
        reader: &'a str,
        tenant: Option<&'a TenantId>,
        after: Option<&'a DeliveryKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<ParkedKey>, Error>> {
        let reader = reader.to_owned();
        let (tenant, after) = (tenant.cloned(), after.cloned());
        Box::pin(self.readers.aside(move |connection| {
            letters::parked(connection, &reader, tenant.as_ref(), after.as_ref(), limit)
        }))
    }

    fn events<'a>(
        &'a self,
        reader: &'a str,
        key: &'a DeliveryKey,
    ) -> BoxFuture<'a, Result<Vec<ParkedEvent>, Error>> {
        let (reader, key, lanes) = (reader.to_owned(), key.clone(), self.lanes);
        Box::pin(self.readers.aside(move |c| letters::events(c, &reader, &key, lanes)))
    }

    fn command<'a>(
        &'a self,
        reader: &'a str,
        command: &'a DeadLetterCommand,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let (reader, given, lanes) = (reader.to_owned(), command.clone(), self.lanes);
        let work = move |c: &Connection| self::command(c, &reader, &given, lanes);
        Box::pin(self.writer.run(OPERATION, work))
    }

    fn records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<DeadLetterRecord>, Error>> {
        let reader = reader.to_owned();
        Box::pin(self.readers.aside(move |connection| letters::records(connection, &reader, limit)))
    }
}
