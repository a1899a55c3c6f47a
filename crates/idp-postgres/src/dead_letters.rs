//! What operators do about events that could not be delivered.

use crate::lease::run;
use crate::parameter::Parameter;
use crate::store::PgStore;
use idp_application::{
    BoxFuture, DeadLetterAction, DeadLetterCommand, DeadLetterRecord, DeadLetters, DeliveryKey,
    Error, ErrorKind, ParkedEvent, ParkedKey, edited_event,
};
use idp_domain::{Envelope, TenantId, Uuid};

const OPERATION: &str = "command a dead letter";

const COMMAND: &str = "SELECT idp_command($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

impl PgStore {
    /// One statement does it; before an edit another reads what is to be edited. What was read is
    /// what is replaced: an edit in between would have changed the revision.
    async fn obey(&self, reader: &str, command: &DeadLetterCommand) -> Result<(), Error> {
        let DeadLetterCommand { actor, key, revision, action, reason } = command;
        let edited = match action {
            DeadLetterAction::Edit { event, payload } => {
                self.edited(reader, key, *event, payload).await?
            }
            _ => None,
        };
        let event = match action {
            DeadLetterAction::Edit { event, .. } | DeadLetterAction::Discard { event } => {
                Parameter::Uuid(*event)
            }
            DeadLetterAction::Resume | DeadLetterAction::DiscardKey => Parameter::Null,
        };
        let [payload, metadata, hash] = match &edited {
            None => [Parameter::Null, Parameter::Null, Parameter::Null],
            Some(event) => [
                Parameter::Json(&event.payload),
                Parameter::Owned(event.metadata_json()),
                Parameter::Owned(event.content_hash().to_string()),
            ],
        };
        let parameters = [
            Parameter::Text(reader),
            Parameter::Text(key.tenant.as_str()),
            Parameter::Uuid(key.aggregate_id),
            Parameter::BigInt(*revision),
            Parameter::Text(action.code()),
            event,
            payload,
            metadata,
            hash,
            Parameter::Text(actor.as_str()),
            Parameter::Text(reason),
        ];
        let rows = run(self, OPERATION, COMMAND, &parameters).await?;
        outcome(rows.first().map_or("", |row| row.get(0)))
    }

    /// The event as the edit leaves it; `None` when the key has no such event.
    async fn edited(
        &self,
        reader: &str,
        key: &DeliveryKey,
        event: Uuid,
        payload: &str,
    ) -> Result<Option<Envelope>, Error> {
        let events = self.blocking_events(reader, key).await?;
        let found = events.into_iter().find(|waiting| waiting.envelope.event_id == event);
        found.map(|waiting| edited_event(waiting.envelope, payload)).transpose()
    }
}

/// What the database said that became of a command.
fn outcome(said: &str) -> Result<(), Error> {
    let (kind, message) = match said {
        "done" => return Ok(()),
        "not_parked" => (ErrorKind::NotFound, "the key is not parked"),
        "no_event" => (ErrorKind::NotFound, "the key has no such event"),
        "stale" => (ErrorKind::Conflict, "the key was changed by somebody else"),
        "resumed" => (ErrorKind::Conflict, "the key is resumed already"),
        "being_sent" => (ErrorKind::Conflict, "the event is being sent"),
        _ => (ErrorKind::Corrupt, "the database says what this build does not know"),
    };
    Err(Error::new(kind, OPERATION, message))
}

impl DeadLetters for PgStore {
    fn parked<'a>(
        &'a self,
        reader: &'a str,
        tenant: Option<&'a TenantId>,
        after: Option<&'a DeliveryKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<ParkedKey>, Error>> {
        Box::pin(self.parked_keys(reader, tenant, after, limit))
    }

    fn events<'a>(
        &'a self,
        reader: &'a str,
        key: &'a DeliveryKey,
    ) -> BoxFuture<'a, Result<Vec<ParkedEvent>, Error>> {
        Box::pin(self.blocking_events(reader, key))
    }

    fn command<'a>(
        &'a self,
        reader: &'a str,
        command: &'a DeadLetterCommand,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.obey(reader, command))
    }

    fn records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<DeadLetterRecord>, Error>> {
        Box::pin(self.dead_letter_records(reader, limit))
    }
}
