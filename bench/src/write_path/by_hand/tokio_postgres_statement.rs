//! The limit on PostgreSQL: the fastest form that we know of. A load without a transaction, then one
//! statement that changes the row, appends the event and checks that the row was there; a connection
//! for each task, so that not even a pool is in the way.

use super::event::{AGGREGATE_TYPE, Event, SCHEMA_VERSION};
use super::plan::{Location, Plan, Status, Stop};
use crate::BoxError;
use crate::write_path::contender::Contender;
use crate::write_path::workload::{ACTOR, DRIVER, TENANT};
use idp_application::BoxFuture;
use idp_domain::TenantId;
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Config, NoTls, Statement};
use uuid::Uuid;

const SELECT: &str =
    "SELECT version, reference, depot, stops, capacity, cost_tenths, status, priority, driver
 FROM route_plan WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
/// The cast to a number fails, and with it the statement, when the row was not there at that version.
/// As the main statement writes, the server need not store a result first.
const UPDATE_AND_APPEND: &str = "WITH u AS (UPDATE route_plan
  SET version = version + 1, status = $4, driver = $5, updated_at = $6, updated_by = $7
  WHERE tenant_id = $1 AND id = $2 AND version = $3 RETURNING 1)
 INSERT INTO idp_outbox
  (tenant_id, lane, id, aggregatetype, aggregateid, aggregate_version, type, schema_id,
   schema_version, payload, content_hash, metadata, occurred_at)
  SELECT $1::text, $8::smallint, $9::uuid, $10::text, $2::uuid, $3::bigint + 1, $11::text, $11::text,
   $12::integer, $13::json, $14::text, $15::json, $6::timestamptz
  WHERE CASE WHEN EXISTS (SELECT 1 FROM u) THEN true
   ELSE ('version conflict, matched ' || (SELECT count(*) FROM u))::int = 0 END";
const INSERT_AND_APPEND: &str = "WITH i AS (INSERT INTO route_plan
  (tenant_id, version, id, reference, depot, stops, capacity, cost_tenths, status, priority, driver,
   created_at, created_by, updated_at, updated_by)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $13))
 INSERT INTO idp_outbox
  (tenant_id, lane, id, aggregatetype, aggregateid, aggregate_version, type, schema_id,
   schema_version, payload, content_hash, metadata, occurred_at)
  VALUES ($1, $14, $15, $16, $3, $2, $17, $17, $18, $19, $20, $21, $12)";

pub(crate) struct TokioPostgresStatement {
    sessions: Vec<Session>,
    tenant: TenantId,
}

/// The connection of one task.
struct Session {
    client: Client,
    select: Statement,
    update: Statement,
    insert: Statement,
}

impl TokioPostgresStatement {
    pub(crate) async fn connect(config: &Config, tasks: usize) -> Result<Self, BoxError> {
        let mut sessions = Vec::with_capacity(tasks);
        for _ in 0..tasks {
            sessions.push(Session::connect(config).await?);
        }
        Ok(Self { sessions, tenant: TenantId::new(TENANT)? })
    }

    async fn create_plan(&self, worker: usize, number: usize) -> Result<(), BoxError> {
        let (plan, payload) = Plan::create(number)?;
        let event = Event::of(&plan, 1, "route_plan.created", payload, &self.tenant)?;
        self.sessions[worker].insert_and_append(&plan, &event).await
    }

    async fn dispatch_plan(&self, worker: usize, id: Uuid) -> Result<(), BoxError> {
        let session = &self.sessions[worker];
        let mut plan = session.select(id).await?;
        let payload = plan.dispatch(DRIVER)?;
        let version = plan.version + 1;
        let event = Event::of(&plan, version, "route_plan.dispatched", payload, &self.tenant)?;
        session.update_and_append(&plan, &event).await
    }
}

impl Contender for TokioPostgresStatement {
    fn create(&self, worker: usize, number: usize) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.create_plan(worker, number))
    }

    fn dispatch(&self, worker: usize, plan: Uuid) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.dispatch_plan(worker, plan))
    }
}

impl Session {
    async fn connect(config: &Config) -> Result<Self, BoxError> {
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(Self {
            select: client.prepare(SELECT).await?,
            update: client.prepare(UPDATE_AND_APPEND).await?,
            insert: client.prepare(INSERT_AND_APPEND).await?,
            client,
        })
    }

    async fn select(&self, id: Uuid) -> Result<Plan, BoxError> {
        let row = self.client.query_one(&self.select, &[&TENANT, &id]).await?;
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

    async fn update_and_append(&self, plan: &Plan, event: &Event) -> Result<(), BoxError> {
        self.client
            .execute(
                &self.update,
                &[
                    &TENANT,
                    &plan.id,
                    &plan.version,
                    &plan.status.as_str(),
                    &plan.driver,
                    &event.occurred_at,
                    &ACTOR,
                    &event.lane,
                    &event.id,
                    &AGGREGATE_TYPE,
                    &event.name,
                    &SCHEMA_VERSION,
                    &Json(&event.payload),
                    &event.content_hash,
                    &Json(event.metadata),
                ],
            )
            .await?;
        Ok(())
    }

    async fn insert_and_append(&self, plan: &Plan, event: &Event) -> Result<(), BoxError> {
        self.client
            .execute(
                &self.insert,
                &[
                    &TENANT,
                    &plan.version,
                    &plan.id,
                    &plan.reference,
                    &Json(plan.depot),
                    &Json(&plan.stops),
                    &plan.capacity,
                    &plan.cost_tenths,
                    &plan.status.as_str(),
                    &plan.priority,
                    &plan.driver,
                    &event.occurred_at,
                    &ACTOR,
                    &event.lane,
                    &event.id,
                    &AGGREGATE_TYPE,
                    &event.name,
                    &SCHEMA_VERSION,
                    &Json(&event.payload),
                    &event.content_hash,
                    &Json(event.metadata),
                ],
            )
            .await?;
        Ok(())
    }
}
