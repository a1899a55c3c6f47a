//! Guarantee f: a read model is the fold of the events up to its checkpoint.

use idp_application::{
    Claim, Error, ErrorKind, LoggedEvent, OutboxLog, Projection, Reader, Recorded, RowQuery, Scope,
    Sharding, Store, WorkerId,
};
use idp_domain::{DomainEvent, Record, TenantId, Uuid, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A row that is not what the events make of it. Rows are told with their revision and all columns.
#[derive(Clone, Debug, PartialEq)]
pub struct WrongRow {
    /// Whose row.
    pub tenant: TenantId,
    /// The key, as text.
    pub key: String,
    /// Up to which event it should be folded.
    pub checkpoint: i64,
    /// What the events make of it; `None` when there should be no such row.
    pub expected: Option<(i64, Vec<Value>)>,
    /// What is there.
    pub found: Option<(i64, Vec<Value>)>,
}

impl fmt::Display for WrongRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, key, checkpoint, expected, found } = self;
        write!(
            f,
            "at checkpoint {checkpoint}, row {key} of {tenant} should be {expected:?}, is {found:?}"
        )
    }
}

type Rows = BTreeMap<(TenantId, String), (i64, Vec<Value>)>;

/// The rows of the read model that differ from the fold of the first `checkpoint` events of the log;
/// none when the promise is kept. Only tenants with events are looked at. Nothing may be applied
/// while this runs.
pub async fn check_fold<P: Projection>(
    projection: &P,
    log: &dyn OutboxLog,
    store: &dyn Store,
    checkpoint: i64,
) -> Result<Vec<WrongRow>, Error> {
    let events = whole_log(log).await?;
    let upto = usize::try_from(checkpoint).unwrap_or_default().min(events.len());
    let expected = fold(projection, &events[..upto])?;
    let mut found = Rows::new();
    let mut tenants: Vec<&TenantId> = events.iter().map(|event| &event.envelope.tenant).collect();
    tenants.sort_unstable();
    tenants.dedup();
    for tenant in tenants {
        let query = RowQuery::all(P::Row::SCHEMA, Scope::Tenant(tenant.clone()));
        for row in store.fetch(query).await?.rows {
            let key = format!("{:?}", row.values[P::Row::SCHEMA.key]);
            found.insert((row.tenant, key), (row.version, row.values));
        }
    }
    Ok(differences(&expected, &found, checkpoint))
}

/// All events of the log, in the order in which a projector reads them. The reader is one of its own
/// and records no position.
async fn whole_log(log: &dyn OutboxLog) -> Result<Vec<LoggedEvent>, Error> {
    let reader = Reader { name: "idp_testkit.fold_check".into(), sharding: Sharding::Whole };
    let (worker, ttl) = (WorkerId(Uuid::from_u128(0xF01D)), Duration::from_secs(3_600));
    log.join(&reader, worker, ttl).await?;
    let claim = Claim { worker, lanes_max: 1, lease_ttl: ttl };
    let mut leases = log.claim(&reader, claim).await?;
    if leases.is_empty() {
        let message = "another check of the same log is going on";
        return Err(Error::new(ErrorKind::Conflict, "check the fold", message));
    }
    let mut events = Vec::new();
    loop {
        let batch = log.read(&leases, 10_000).await?.into_iter().next();
        let Some(batch) = batch.filter(|batch| !batch.events.is_empty()) else { break };
        leases[0].cursor = batch.through;
        events.extend(batch.events);
    }
    log.release(&reader, worker, &leases).await?;
    Ok(events)
}

/// What the projection makes of the events: told as simply as possible.
fn fold<P: Projection>(projection: &P, events: &[LoggedEvent]) -> Result<Rows, Error> {
    let mut rows: BTreeMap<(TenantId, String), (i64, P::Row)> = BTreeMap::new();
    for (number, LoggedEvent { envelope, .. }) in (1..).zip(events) {
        if !P::Event::SCHEMAS.iter().any(|schema| schema.name == envelope.event_type) {
            continue;
        }
        let event: P::Event =
            envelope.decode().map_err(|e| Error::new(ErrorKind::Corrupt, "fold", e.to_string()))?;
        let recorded = Recorded { event: &event, envelope };
        let Some(key) = projection.key(&recorded) else { continue };
        let key = (envelope.tenant.clone(), format!("{key:?}"));
        let before = rows.remove(&key).map(|(_, row)| row);
        if let Some(after) = projection.fold(before, &recorded) {
            rows.insert(key, (number, after));
        }
    }
    let values = |row: &P::Row| (0..P::Row::SCHEMA.columns.len()).map(|c| row.value(c)).collect();
    Ok(rows.into_iter().map(|(key, (number, row))| (key, (number, values(&row)))).collect())
}

fn differences(expected: &Rows, found: &Rows, checkpoint: i64) -> Vec<WrongRow> {
    let missing = expected.keys().filter(|key| !found.contains_key(*key));
    let keys = found.keys().chain(missing);
    let wrong = keys.filter(|key| expected.get(*key) != found.get(*key));
    let wrong = wrong.map(|key| WrongRow {
        tenant: key.0.clone(),
        key: key.1.clone(),
        checkpoint,
        expected: expected.get(key).cloned(),
        found: found.get(key).cloned(),
    });
    wrong.collect()
}
