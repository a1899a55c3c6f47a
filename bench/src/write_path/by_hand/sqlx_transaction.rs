//! A careful transaction on sqlx: prepared statements, typed values, no ping when a connection is
//! taken.
//!
//! sqlx pings a connection whenever it goes back to the pool, and has no setting against it. The pool
//! has twice as many connections as tasks, so that nobody waits for that ping.

use super::event::{AGGREGATE_TYPE, Event, SCHEMA_VERSION};
use super::plan::{Location, Plan, Status, Stop};
use crate::BoxError;
use crate::write_path::contender::Contender;
use crate::write_path::workload::{ACTOR, DRIVER, TENANT};
use idp_application::BoxFuture;
use idp_domain::TenantId;
use sqlx_core::pool::{Pool, PoolOptions};
use sqlx_core::query::query;
use sqlx_core::row::Row;
use sqlx_core::types::Json;
use sqlx_postgres::{PgConnectOptions, PgConnection, Postgres};
use uuid::Uuid;

const SELECT: &str =
    "SELECT version, reference, depot, stops, capacity, cost_tenths, status, priority, driver
 FROM route_plan WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
const UPDATE: &str = "UPDATE route_plan
 SET version = version + 1, status = $4, driver = $5, updated_at = $6, updated_by = $7
 WHERE tenant_id = $1 AND id = $2 AND version = $3";
const INSERT: &str = "INSERT INTO route_plan
 (tenant_id, version, id, reference, depot, stops, capacity, cost_tenths, status, priority, driver,
  created_at, created_by, updated_at, updated_by)
 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $13)";
/// sqlx would send the JSON as `jsonb`, which forgets the text over which the hash was computed.
const APPEND: &str = "INSERT INTO idp_outbox
 (tenant_id, lane, id, aggregatetype, aggregateid, aggregate_version, type, schema_id,
  schema_version, payload, content_hash, metadata, occurred_at)
 VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9::json, $10, $11::json, $12)";

pub(crate) struct SqlxTransaction {
    pool: Pool<Postgres>,
    tenant: TenantId,
}

impl SqlxTransaction {
    pub(crate) async fn connect(options: PgConnectOptions, tasks: usize) -> Result<Self, BoxError> {
        let connections = u32::try_from(2 * tasks)?;
        let pool = PoolOptions::new()
            .max_connections(connections)
            .min_connections(connections)
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        Ok(Self { pool, tenant: TenantId::new(TENANT)? })
    }

    async fn create_plan(&self, number: usize) -> Result<(), BoxError> {
        let (plan, payload) = Plan::create(number)?;
        let event = Event::of(&plan, 1, "route_plan.created", payload, &self.tenant)?;
        let mut transaction = self.pool.begin().await?;
        insert(&mut transaction, &plan, &event).await?;
        append(&mut transaction, &event).await?;
        Ok(transaction.commit().await?)
    }

    async fn dispatch_plan(&self, id: Uuid) -> Result<(), BoxError> {
        let mut transaction = self.pool.begin().await?;
        let mut plan = select(&mut transaction, id).await?;
        let payload = plan.dispatch(DRIVER)?;
        let version = plan.version + 1;
        let event = Event::of(&plan, version, "route_plan.dispatched", payload, &self.tenant)?;
        update(&mut transaction, &plan, &event).await?;
        append(&mut transaction, &event).await?;
        Ok(transaction.commit().await?)
    }
}

impl Contender for SqlxTransaction {
    fn create(&self, _worker: usize, number: usize) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.create_plan(number))
    }

    fn dispatch(&self, _worker: usize, plan: Uuid) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.dispatch_plan(plan))
    }
}

async fn select(connection: &mut PgConnection, id: Uuid) -> Result<Plan, BoxError> {
    let row = query(SELECT).bind(TENANT).bind(id).fetch_one(connection).await?;
    let Json(depot): Json<Location> = row.try_get(2)?;
    let Json(stops): Json<Vec<Stop>> = row.try_get(3)?;
    Ok(Plan {
        id,
        version: row.try_get(0)?,
        reference: row.try_get(1)?,
        depot,
        stops,
        capacity: row.try_get(4)?,
        cost_tenths: row.try_get(5)?,
        status: Status::parse(row.try_get(6)?)?,
        priority: row.try_get(7)?,
        driver: row.try_get(8)?,
    })
}

async fn update(connection: &mut PgConnection, plan: &Plan, event: &Event) -> Result<(), BoxError> {
    let statement = query(UPDATE).bind(TENANT).bind(plan.id).bind(plan.version);
    let statement = statement.bind(plan.status.as_str()).bind(plan.driver);
    let done = statement.bind(event.occurred_at).bind(ACTOR).execute(connection).await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err("somebody else changed the plan".into()) }
}

async fn insert(connection: &mut PgConnection, plan: &Plan, event: &Event) -> Result<(), BoxError> {
    let statement = query(INSERT).bind(TENANT).bind(plan.version).bind(plan.id);
    let statement = statement.bind(&plan.reference).bind(Json(plan.depot)).bind(Json(&plan.stops));
    let statement = statement.bind(plan.capacity).bind(plan.cost_tenths);
    let statement = statement.bind(plan.status.as_str()).bind(plan.priority).bind(plan.driver);
    statement.bind(event.occurred_at).bind(ACTOR).execute(connection).await?;
    Ok(())
}

async fn append(connection: &mut PgConnection, event: &Event) -> Result<(), BoxError> {
    let statement = query(APPEND).bind(TENANT).bind(event.lane).bind(event.id);
    let statement = statement.bind(AGGREGATE_TYPE).bind(event.aggregate_id);
    let statement = statement.bind(event.aggregate_version).bind(event.name).bind(SCHEMA_VERSION);
    let (payload, metadata) = event.json()?;
    let statement = statement.bind(payload).bind(&event.content_hash);
    statement.bind(metadata).bind(event.occurred_at).execute(connection).await?;
    Ok(())
}
