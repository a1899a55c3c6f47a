//! What a batch of events makes of the rows: pure, and the same whenever it is done.

use crate::row_key::{self, RowKey};
use idp_application::{
    Error, ErrorKind, LoggedEvent, Projection, ProjectionWrite, Recorded, StoredRow,
};
use idp_domain::{DomainEvent, Envelope, Record, RowValues, TenantId, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The events of a batch that concern the projection, up to the first that cannot be read.
pub(crate) struct Concerns<'b, E> {
    events: Vec<Concern<'b, E>>,
    /// How many events of the batch were looked at, those passed over included.
    looked_at: usize,
    fault: Option<Error>,
}

struct Concern<'b, E> {
    /// Its place in the batch.
    at: usize,
    envelope: &'b Envelope,
    event: E,
    key: RowKey,
}

/// What the events made of the rows.
pub(crate) struct Folded {
    /// The rows to write, each once.
    pub(crate) writes: Vec<ProjectionWrite>,
    /// How many events of the batch are in them or were passed over.
    pub(crate) events: usize,
    /// Why the next one is not, when there is one.
    pub(crate) fault: Option<Error>,
}

/// A row while events are folded into it.
struct Folding<R> {
    row: Option<R>,
    was_stored: bool,
    /// The number of the last event folded into it; 0 when there was none in this batch.
    revision: i64,
}

impl<'b, E: DomainEvent> Concerns<'b, E> {
    pub(crate) fn of<P: Projection<Event = E>>(projection: &P, batch: &'b [LoggedEvent]) -> Self {
        let mut concerns = Self { events: Vec::new(), looked_at: 0, fault: None };
        for (at, LoggedEvent { envelope, .. }) in batch.iter().enumerate() {
            match concern::<P>(projection, at, envelope) {
                Ok(concern) => concerns.events.extend(concern),
                Err(error) => {
                    concerns.fault = Some(error);
                    break;
                }
            }
            concerns.looked_at = at + 1;
        }
        concerns
    }

    /// The rows that are needed, by tenant.
    pub(crate) fn keys(&self) -> BTreeMap<TenantId, Vec<Value>> {
        let distinct: BTreeSet<&RowKey> = self.events.iter().map(|concern| &concern.key).collect();
        let mut keys: BTreeMap<TenantId, Vec<Value>> = BTreeMap::new();
        for RowKey { tenant, value } in distinct {
            keys.entry(tenant.clone()).or_default().push(value.clone());
        }
        keys
    }

    /// Folds the events, in order, into the rows as they are stored. `sequence` is the number of the
    /// event before the batch.
    pub(crate) fn fold<P: Projection<Event = E>>(
        self,
        projection: &P,
        stored: Vec<StoredRow>,
        sequence: i64,
    ) -> Folded {
        let mut rows = match self.rows::<P>(stored) {
            Ok(rows) => rows,
            Err(error) => return Folded { writes: Vec::new(), events: 0, fault: Some(error) },
        };
        let (mut events, mut fault) = (self.looked_at, self.fault);
        for concern in &self.events {
            let number = i64::try_from(concern.at + 1).expect("a batch is not that long");
            let folding = rows.entry(concern.key.clone()).or_insert(Folding::new());
            if let Err(error) = folding.fold(projection, concern, sequence + number) {
                (events, fault) = (concern.at, Some(error));
                break;
            }
        }
        let writes = rows.into_iter().filter_map(|(key, folding)| folding.write(key)).collect();
        Folded { writes, events, fault }
    }

    fn rows<P: Projection<Event = E>>(
        &self,
        stored: Vec<StoredRow>,
    ) -> Result<BTreeMap<RowKey, Folding<P::Row>>, Error> {
        let schema = P::Row::SCHEMA;
        let row_of = |StoredRow { tenant, values, .. }| {
            let value: Value = values[schema.key].clone();
            let row = RowValues::new(schema, values).and_then(P::Row::from_row).map_err(|e| {
                let message = format!("a row of `{}` cannot be read: {e}", schema.name);
                Error::new(ErrorKind::Corrupt, "project", message).with_source(e)
            })?;
            let folding = Folding { row: Some(row), was_stored: true, revision: 0 };
            Ok((RowKey { tenant, value }, folding))
        };
        stored.into_iter().map(row_of).collect()
    }
}

impl<R: Record> Folding<R> {
    fn new() -> Self {
        Self { row: None, was_stored: false, revision: 0 }
    }

    /// On an error everything is as before.
    fn fold<P: Projection<Row = R>>(
        &mut self,
        projection: &P,
        concern: &Concern<'_, P::Event>,
        number: i64,
    ) -> Result<(), Error> {
        let Concern { envelope, event, key, .. } = concern;
        let before = self.row.clone();
        let recorded = Recorded { event, envelope };
        let after = guarded::<P, _>(envelope, || projection.fold(before, &recorded))?;
        if let Some(fault) = after.as_ref().and_then(|row| row_fault(row, &key.value)) {
            return Err(unfoldable::<P>(envelope, &fault));
        }
        self.row = after;
        self.revision = number;
        Ok(())
    }

    /// What is to be written, if anything was folded; nothing for a row that never was.
    fn write(self, RowKey { tenant, value }: RowKey) -> Option<ProjectionWrite> {
        let changes = self.revision > 0 && (self.row.is_some() || self.was_stored);
        changes.then(|| ProjectionWrite::of(tenant, value, self.row.as_ref(), self.revision))
    }
}

/// The event, if it is one that the projection follows and that changes a row.
fn concern<'b, P: Projection>(
    projection: &P,
    at: usize,
    envelope: &'b Envelope,
) -> Result<Option<Concern<'b, P::Event>>, Error> {
    if !P::Event::SCHEMAS.iter().any(|schema| schema.name == envelope.event_type) {
        return Ok(None);
    }
    let event: P::Event =
        envelope.decode().map_err(|e| unfoldable::<P>(envelope, &e.to_string()))?;
    let recorded = Recorded { event: &event, envelope };
    let Some(value) = guarded::<P, _>(envelope, || projection.key(&recorded))? else {
        return Ok(None);
    };
    let kind = P::Row::SCHEMA.key_column().kind;
    if let Some(fault) = row_key::fault(&value, kind) {
        return Err(unfoldable::<P>(envelope, &fault));
    }
    let key = RowKey { tenant: envelope.tenant.clone(), value };
    Ok(Some(Concern { at, envelope, event, key }))
}

fn row_fault<R: Record>(row: &R, key: &Value) -> Option<String> {
    let columns = R::SCHEMA.columns.iter().enumerate();
    let mut values = columns.map(|(at, column)| (column.name, row.value(at)));
    if row.value(R::SCHEMA.key).sort_compare(key).is_ne() {
        return Some(format!("the row has another key than the event: {key:?}"));
    }
    let fault = values.find_map(|(name, value)| value.fault().map(|fault| (name, fault)));
    fault.map(|(name, fault)| format!("`{name}` {fault}"))
}

/// Runs code of the projection; a panic in it is an error like any other.
fn guarded<P: Projection, T>(envelope: &Envelope, code: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(code))
        .map_err(|_| unfoldable::<P>(envelope, "the projection panicked"))
}

fn unfoldable<P: Projection>(envelope: &Envelope, reason: &str) -> Error {
    let message = format!(
        "event {} (`{}`) cannot be folded into `{}`: {reason}",
        envelope.event_id,
        envelope.event_type,
        P::NAME
    );
    Error::new(ErrorKind::Corrupt, "project", message)
}
