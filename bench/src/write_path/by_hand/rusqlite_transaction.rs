//! A careful transaction on rusqlite: one connection, cached statements, `BEGIN IMMEDIATE`.

use super::event::{AGGREGATE_TYPE, Event, SCHEMA_VERSION};
use super::plan::{Plan, Status};
use crate::BoxError;
use crate::write_path::contender::Contender;
use crate::write_path::workload::{ACTOR, DRIVER, TENANT};
use idp_application::BoxFuture;
use idp_domain::TenantId;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

const SELECT: &str =
    "SELECT version, reference, depot, stops, capacity, cost_tenths, status, priority, driver
 FROM route_plan WHERE tenant_id = ?1 AND id = ?2 AND deleted_at IS NULL";
const UPDATE: &str = "UPDATE route_plan
 SET version = version + 1, status = ?4, driver = ?5, updated_at = ?6, updated_by = ?7
 WHERE tenant_id = ?1 AND id = ?2 AND version = ?3";
const INSERT: &str = "INSERT INTO route_plan
 (tenant_id, version, id, reference, depot, stops, capacity, cost_tenths, status, priority, driver,
  created_at, created_by, updated_at, updated_by)
 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?12, ?13)";
const APPEND: &str = "INSERT INTO idp_outbox
 (tenant_id, lane, id, aggregatetype, aggregateid, aggregate_version, type, schema_id,
  schema_version, payload, content_hash, metadata, occurred_at)
 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?12)";

/// Who runs the transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Calling {
    /// The task itself, which keeps its thread from other tasks meanwhile: the limit.
    InPlace,
    /// A thread for blocking work, as a service must that has other things to do.
    Blocking,
}

pub(crate) struct RusqliteTransaction {
    calling: Calling,
    database: Arc<Database>,
}

struct Database {
    connection: Mutex<Connection>,
    tenant: TenantId,
}

impl RusqliteTransaction {
    pub(crate) fn open(path: &Path, calling: Calling) -> Result<Self, BoxError> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
        )?;
        let connection = Mutex::new(connection);
        let database = Database { connection, tenant: TenantId::new(TENANT)? };
        Ok(Self { calling, database: Arc::new(database) })
    }

    async fn call(
        &self,
        work: impl FnOnce(&Database) -> Result<(), BoxError> + Send + 'static,
    ) -> Result<(), BoxError> {
        let database = Arc::clone(&self.database);
        let work = move || work(&database);
        match self.calling {
            Calling::InPlace => work(),
            Calling::Blocking => tokio::task::spawn_blocking(work).await?,
        }
    }
}

impl Contender for RusqliteTransaction {
    fn create(&self, _worker: usize, number: usize) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.call(move |database| database.create_plan(number)))
    }

    fn dispatch(&self, _worker: usize, plan: Uuid) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.call(move |database| database.dispatch_plan(plan)))
    }
}

impl Database {
    fn create_plan(&self, number: usize) -> Result<(), BoxError> {
        let (plan, payload) = Plan::create(number)?;
        let event = Event::of(&plan, 1, "route_plan.created", payload, &self.tenant)?;
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        insert(&transaction, &plan, &event)?;
        append(&transaction, &event)?;
        Ok(transaction.commit()?)
    }

    fn dispatch_plan(&self, id: Uuid) -> Result<(), BoxError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut plan = select(&transaction, id)?;
        let payload = plan.dispatch(DRIVER)?;
        let version = plan.version + 1;
        let event = Event::of(&plan, version, "route_plan.dispatched", payload, &self.tenant)?;
        update(&transaction, &plan, &event)?;
        append(&transaction, &event)?;
        Ok(transaction.commit()?)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn select(transaction: &Transaction<'_>, id: Uuid) -> Result<Plan, BoxError> {
    let mut statement = transaction.prepare_cached(SELECT)?;
    let mut rows = statement.query(params![TENANT, id.as_bytes()])?;
    let row = rows.next()?.ok_or("there is no such plan")?;
    let driver = row.get_ref(8)?.as_blob_or_null()?.map(Uuid::from_slice).transpose()?;
    Ok(Plan {
        id,
        version: row.get(0)?,
        reference: row.get(1)?,
        depot: serde_json::from_str(row.get_ref(2)?.as_str()?)?,
        stops: serde_json::from_str(row.get_ref(3)?.as_str()?)?,
        capacity: row.get(4)?,
        cost_tenths: row.get(5)?,
        status: Status::parse(row.get_ref(6)?.as_str()?)?,
        priority: row.get(7)?,
        driver,
    })
}

fn update(transaction: &Transaction<'_>, plan: &Plan, event: &Event) -> Result<(), BoxError> {
    let changed = transaction.prepare_cached(UPDATE)?.execute(params![
        TENANT,
        plan.id.as_bytes(),
        plan.version,
        plan.status.as_str(),
        plan.driver.as_ref().map(Uuid::as_bytes),
        event.occurred_at.timestamp_micros(),
        ACTOR,
    ])?;
    if changed == 1 { Ok(()) } else { Err("somebody else changed the plan".into()) }
}

fn insert(transaction: &Transaction<'_>, plan: &Plan, event: &Event) -> Result<(), BoxError> {
    transaction.prepare_cached(INSERT)?.execute(params![
        TENANT,
        plan.version,
        plan.id.as_bytes(),
        plan.reference,
        serde_json::to_string(&plan.depot)?,
        serde_json::to_string(&plan.stops)?,
        plan.capacity,
        plan.cost_tenths,
        plan.status.as_str(),
        plan.priority,
        plan.driver.as_ref().map(Uuid::as_bytes),
        event.occurred_at.timestamp_micros(),
        ACTOR,
    ])?;
    Ok(())
}

fn append(transaction: &Transaction<'_>, event: &Event) -> Result<(), BoxError> {
    let (payload, metadata) = event.json()?;
    transaction.prepare_cached(APPEND)?.execute(params![
        TENANT,
        event.lane,
        event.id.as_bytes(),
        AGGREGATE_TYPE,
        event.aggregate_id.as_bytes(),
        event.aggregate_version,
        event.name,
        SCHEMA_VERSION,
        payload,
        event.content_hash,
        metadata,
        event.occurred_at.timestamp_micros(),
    ])?;
    Ok(())
}
