//! What operators say about single tenants: each time one write transaction, with the record of it.

use crate::error::translate;
use crate::lease;
use crate::letters::unreadable;
use crate::store::SqliteStore;
use crate::value::instant;
use idp_application::{
    BoxFuture, Error, TenantPolicies, TenantPolicy, TenantPolicyOrder, TenantPolicyRecord,
};
use idp_domain::TenantId;
use rusqlite::{Connection, Row, params};

const POLICIES: &str = "
    SELECT tenant_id, is_paused, events_per_second_max, weight FROM idp_tenant_policy
     WHERE reader = ?1 ORDER BY tenant_id";

const SET: &str = "
    INSERT INTO idp_tenant_policy (reader, tenant_id, is_paused, events_per_second_max, weight)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT DO UPDATE SET
      is_paused = excluded.is_paused, events_per_second_max = excluded.events_per_second_max,
      weight = excluded.weight";

const FORGET: &str = "DELETE FROM idp_tenant_policy WHERE reader = ?1 AND tenant_id = ?2";

const RECORD: &str = "
    INSERT INTO idp_tenant_policy_record
      (reader, tenant_id, is_paused, events_per_second_max, weight, at, actor, reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const RECORDS: &str = "
    SELECT tenant_id, is_paused, events_per_second_max, weight, at, actor, reason
      FROM idp_tenant_policy_record WHERE reader = ?1
     ORDER BY id DESC LIMIT ?2";

fn set(connection: &Connection, reader: &str, order: &TenantPolicyOrder) -> rusqlite::Result<()> {
    let TenantPolicyOrder { actor, policy, reason } = order;
    let TenantPolicy { tenant, is_paused, events_per_second_max, weight } = policy;
    if policy.is_usual() {
        connection.prepare_cached(FORGET)?.execute(params![reader, tenant.as_str()])?;
    } else {
        let said = params![reader, tenant.as_str(), is_paused, events_per_second_max, weight];
        connection.prepare_cached(SET)?.execute(said)?;
    }
    let at = lease::now(connection)?;
    let mut record = connection.prepare_cached(RECORD)?;
    let (tenant, actor) = (tenant.as_str(), actor.as_str());
    let rate = events_per_second_max;
    record.execute(params![reader, tenant, is_paused, rate, weight, at, actor, reason]).map(drop)
}

/// The policy in the first columns of a row; `None` when the name of the tenant is none.
fn policy(row: &Row<'_>) -> rusqlite::Result<Option<TenantPolicy>> {
    let Ok(tenant) = TenantId::new(&row.get::<_, String>(0)?) else { return Ok(None) };
    let (is_paused, events_per_second_max, weight) = (row.get(1)?, row.get(2)?, row.get(3)?);
    Ok(Some(TenantPolicy { tenant, is_paused, events_per_second_max, weight }))
}

fn policies(connection: &Connection, reader: &str) -> Result<Vec<TenantPolicy>, Error> {
    let failed = |e| translate("tenant policies", e);
    let mut statement = connection.prepare_cached(POLICIES).map_err(failed)?;
    let rows = statement.query_map([reader], policy).map_err(failed)?;
    rows.map(|row| row.map_err(failed)?.ok_or_else(|| unreadable("a policy"))).collect()
}

fn records(
    connection: &Connection,
    reader: &str,
    limit: u32,
) -> Result<Vec<TenantPolicyRecord>, Error> {
    let failed = |e| translate("tenant policy records", e);
    let record = |row: &Row<'_>| {
        let (policy, at) = (policy(row)?, instant(row.get(4)?));
        let (actor, reason) = (row.get(5)?, row.get(6)?);
        Ok(policy.zip(at).map(|(policy, at)| TenantPolicyRecord { at, actor, policy, reason }))
    };
    let mut statement = connection.prepare_cached(RECORDS).map_err(failed)?;
    let rows = statement.query_map(params![reader, limit], record).map_err(failed)?;
    rows.map(|row| row.map_err(failed)?.ok_or_else(|| unreadable("a record"))).collect()
}

impl TenantPolicies for SqliteStore {
    fn tenant_policies<'a>(
        &'a self,
        reader: &'a str,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicy>, Error>> {
        let reader = reader.to_owned();
        Box::pin(self.readers.aside(move |connection| policies(connection, &reader)))
    }

    fn set_tenant_policy<'a>(
        &'a self,
        reader: &'a str,
        order: &'a TenantPolicyOrder,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            order.policy.check()?;
            let (reader, order) = (reader.to_owned(), order.clone());
            let failed = |e| translate("set tenant policy", e);
            let set = move |c: &Connection| set(c, &reader, &order).map_err(failed);
            self.writer.run("set tenant policy", set).await
        })
    }

    fn tenant_policy_records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicyRecord>, Error>> {
        let reader = reader.to_owned();
        Box::pin(self.readers.aside(move |connection| records(connection, &reader, limit)))
    }
}
