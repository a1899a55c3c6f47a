//! Turns the aggregates of a unit of work into the rows and events that a commit writes.

use crate::change_set::{NewEvent, RowWrite, WriteKind};
use crate::slot::{Entry, Intent};
use crate::{Context, Error, ErrorKind, IdSource, SystemColumn};
use idp_domain::{
    Aggregate, ColumnSet, ContentHasher, DomainEvent, EntityId, Envelope, EventRecord, Raised,
    TableSchema, Timestamp, Value, canonical_json,
};

/// What the slots handed over.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) writes: Vec<RowWrite>,
    pub(crate) events: Vec<NewEvent>,
}

/// What is the same for every aggregate of one commit.
pub(crate) struct Collector<'c> {
    pub(crate) context: &'c Context,
    pub(crate) now: Timestamp,
    pub(crate) ids: &'c dyn IdSource,
    pub(crate) hasher: &'c ContentHasher,
}

impl Collector<'_> {
    /// Takes the changes and the events of one aggregate. An aggregate that neither changed nor
    /// raised an event gives nothing.
    pub(crate) fn collect<A: Aggregate>(
        &self,
        entry: &mut Entry<A>,
        into: &mut Collected,
    ) -> Result<(), Error> {
        if entry.is_new() && entry.is_leaving() {
            return Ok(()); // Added and removed in one unit of work: it never was.
        }
        let events = entry.aggregate.pending_mut().pull();
        let Some(write) = write_of(entry, !events.is_empty())? else { return Ok(()) };
        into.writes.push(write);
        let version = entry.version + 1;
        for raised in events {
            into.events.push(self.seal::<A>(&entry.aggregate, version, &raised)?);
        }
        Ok(())
    }

    fn seal<A: Aggregate>(
        &self,
        aggregate: &A,
        version: i64,
        raised: &Raised<A::Event>,
    ) -> Result<NewEvent, Error> {
        let Raised { event, deliver_at } = raised;
        let mut metadata = self.context.metadata().clone();
        if let Some(at) = deliver_at {
            metadata.insert(EventRecord::DELIVER_AT.to_owned(), at.to_string());
        }
        let schema = event.schema();
        let invalid = |e| {
            let message = format!("event `{}` cannot be written: {e}", schema.name);
            Error::new(ErrorKind::Invalid, "commit", message)
        };
        let record = EventRecord {
            event_id: self.ids.next(self.now),
            occurred_at: self.now,
            tenant: self.context.tenant().clone(),
            aggregate_type: A::SCHEMA.name.into(),
            aggregate_id: aggregate.id().uuid(),
            aggregate_version: version,
            event_type: schema.name.into(),
            schema_id: schema.schema_id.into(),
            schema_version: schema.version,
            payload: canonical_json(&event.payload()).map_err(invalid)?,
            metadata,
        };
        check(A::SCHEMA, "payload", &Value::Json(record.payload.clone()))?;
        Envelope::seal(record, self.hasher).map(|envelope| NewEvent { envelope }).map_err(invalid)
    }
}

fn write_of<A: Aggregate>(entry: &Entry<A>, has_events: bool) -> Result<Option<RowWrite>, Error> {
    let key = entry.aggregate.id().uuid();
    let Some(kind) = kind_of(entry, has_events)? else { return Ok(None) };
    let mut write = RowWrite { table: A::SCHEMA, key, kind, stamps: Vec::new() };
    if entry.intent == Intent::Restore {
        write.stamp(SystemColumn::DeletedAt, Value::Null);
        write.stamp(SystemColumn::DeletedBy, Value::Null);
    }
    Ok(Some(write))
}

fn kind_of<A: Aggregate>(entry: &Entry<A>, has_events: bool) -> Result<Option<WriteKind>, Error> {
    let expected = entry.version;
    if entry.is_new() {
        let values = values_of(&entry.aggregate, 0..A::SCHEMA.columns.len())?;
        return Ok(Some(WriteKind::Insert { values }));
    }
    if entry.intent == Intent::Erase {
        return Ok(Some(WriteKind::Delete { expected }));
    }
    let changed = match &entry.loaded {
        Some(loaded) => entry.aggregate.changed_since(loaded),
        None => ColumnSet::EMPTY,
    };
    if entry.loaded.as_ref().is_some_and(|loaded| loaded.id() != entry.aggregate.id()) {
        let message = format!("the identity of `{}` was changed", A::SCHEMA.name);
        return Err(Error::new(ErrorKind::Invalid, "commit", message));
    }
    if changed.is_empty() && !has_events && entry.intent == Intent::Keep {
        return Ok(None);
    }
    let values = values_of(&entry.aggregate, changed.iter())?;
    Ok(Some(match entry.intent {
        Intent::Remove => WriteKind::Remove { expected, columns: changed, values },
        _ => WriteKind::Update { expected, columns: changed, values },
    }))
}

fn values_of<A: Aggregate>(
    aggregate: &A,
    columns: impl Iterator<Item = usize>,
) -> Result<Vec<Value>, Error> {
    columns
        .map(|column| {
            let value = aggregate.value(column);
            check(A::SCHEMA, A::SCHEMA.columns[column].name, &value)?;
            Ok(value)
        })
        .collect()
}

/// Refuses what not every store could keep, before anything is sent.
pub(crate) fn check(table: &TableSchema, column: &str, value: &Value) -> Result<(), Error> {
    match value.fault() {
        None => Ok(()),
        Some(fault) => {
            let message = format!("`{}.{column}` {fault}", table.name);
            Err(Error::new(ErrorKind::Invalid, "write", message))
        }
    }
}
