//! What operators say about single tenants: each time one statement, with the record of it.

use crate::decode::DecodedTime;
use crate::error::corrupt;
use crate::lease::run;
use crate::parameter::Parameter;
use crate::set_aside::text_of;
use crate::store::PgStore;
use idp_application::{
    BoxError, BoxFuture, Error, TenantPolicies, TenantPolicy, TenantPolicyOrder, TenantPolicyRecord,
};
use idp_domain::{TenantId, Value};
use tokio_postgres::Row;

const POLICIES: &str = "
    SELECT tenant_id, is_paused, events_per_second_max, weight FROM idp_tenant_policy
     WHERE reader = $1 ORDER BY tenant_id";

/// All parts of a statement begin with the lock of the row that they are about, or with none.
const SET: &str = "
    WITH policy AS (
      INSERT INTO idp_tenant_policy (reader, tenant_id, is_paused, events_per_second_max, weight)
      SELECT $1, $2, $3::boolean, $4::integer, $5::integer
      ON CONFLICT (reader, tenant_id) DO UPDATE SET
        is_paused = excluded.is_paused, events_per_second_max = excluded.events_per_second_max,
        weight = excluded.weight
    )
    INSERT INTO idp_tenant_policy_record
      (reader, tenant_id, is_paused, events_per_second_max, weight, actor, reason)
    VALUES ($1, $2, $3::boolean, $4::integer, $5::integer, $6, $7)";

const FORGET: &str = "
    WITH policy AS (
      DELETE FROM idp_tenant_policy WHERE reader = $1 AND tenant_id = $2
    )
    INSERT INTO idp_tenant_policy_record
      (reader, tenant_id, is_paused, events_per_second_max, weight, actor, reason)
    VALUES ($1, $2, $3::boolean, $4::integer, $5::integer, $6, $7)";

const RECORDS: &str = "
    SELECT tenant_id, is_paused, events_per_second_max, weight, at, actor, reason
      FROM idp_tenant_policy_record WHERE reader = $1 ORDER BY id DESC LIMIT $2::bigint";

impl PgStore {
    async fn set_policy(&self, reader: &str, order: &TenantPolicyOrder) -> Result<(), Error> {
        let TenantPolicyOrder { actor, policy, reason } = order;
        policy.check()?;
        let number = |n: u32| Parameter::Int(i32::try_from(n).unwrap_or(i32::MAX));
        let is_paused = Value::Bool(policy.is_paused);
        let parameters = [
            Parameter::Text(reader),
            Parameter::Text(policy.tenant.as_str()),
            Parameter::Value(&is_paused),
            policy.events_per_second_max.map_or(Parameter::Null, number),
            number(policy.weight),
            text_of(actor.as_str()),
            text_of(reason),
        ];
        let sql = if policy.is_usual() { FORGET } else { SET };
        run(self, "set tenant policy", sql, &parameters).await.map(drop)
    }

    async fn policies(&self, reader: &str) -> Result<Vec<TenantPolicy>, Error> {
        let rows = run(self, "tenant policies", POLICIES, &[Parameter::Text(reader)]).await?;
        let policies = rows.iter().map(policy).collect::<Result<_, _>>();
        policies.map_err(|e| corrupt("tenant policies", "a policy", e))
    }

    async fn policy_records(
        &self,
        reader: &str,
        limit: u32,
    ) -> Result<Vec<TenantPolicyRecord>, Error> {
        let parameters = [Parameter::Text(reader), Parameter::BigInt(limit.into())];
        let rows = run(self, "tenant policy records", RECORDS, &parameters).await?;
        let record = |row: &Row| {
            Ok(TenantPolicyRecord {
                policy: policy(row)?,
                at: row.try_get::<_, DecodedTime>(4)?.0,
                actor: row.try_get(5)?,
                reason: row.try_get(6)?,
            })
        };
        let records = rows.iter().map(record).collect::<Result<_, BoxError>>();
        records.map_err(|e| corrupt("tenant policy records", "a record", e))
    }
}

fn policy(row: &Row) -> Result<TenantPolicy, BoxError> {
    Ok(TenantPolicy {
        tenant: TenantId::new(row.try_get::<_, &str>(0)?)?,
        is_paused: row.try_get(1)?,
        events_per_second_max: row.try_get::<_, Option<i32>>(2)?.map(u32::try_from).transpose()?,
        weight: u32::try_from(row.try_get::<_, i32>(3)?)?,
    })
}

impl TenantPolicies for PgStore {
    fn tenant_policies<'a>(
        &'a self,
        reader: &'a str,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicy>, Error>> {
        Box::pin(self.policies(reader))
    }

    fn set_tenant_policy<'a>(
        &'a self,
        reader: &'a str,
        order: &'a TenantPolicyOrder,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.set_policy(reader, order))
    }

    fn tenant_policy_records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicyRecord>, Error>> {
        Box::pin(self.policy_records(reader, limit))
    }
}
