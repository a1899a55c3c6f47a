//! Events that lie there.

use crate::BoxError;
use crate::schema::Schema;
use idp_postgres::PgOptions;

/// How many events one transaction appends: as many as a busy second would.
const AT_ONCE: u64 = 50_000;

/// As many tenants as a backlog has, where nothing else is said.
pub(crate) const TENANTS: u64 = 10;

/// Appends events with some 160 bytes of payload each, of 10,000 aggregates of so many tenants, in 64 lanes,
/// into partitions that are made ahead as the keeper of the log does.
pub(crate) async fn fill(schema: &Schema, count: u64, tenants: u64) -> Result<(), BoxError> {
    let ahead = format!("SELECT idp_partition_ahead({})", PgOptions::default().partition_size);
    let mut done = 0;
    while done < count {
        let until = (done + AT_ONCE).min(count);
        let append = format!(
            "INSERT INTO idp_outbox (lane, id, tenant_id, aggregatetype, aggregateid, \
               aggregate_version, type, schema_id, schema_version, payload, metadata, \
               content_hash, occurred_at)
             SELECT n % 64, gen_random_uuid(), 'tenant-' || n % {tenants}, 'parcel', \
               md5((n % 10000)::text)::uuid, n / 10000 + 1, 'parcel.moved', 'parcel.moved', 1, \
               json_build_object('from', 'A-' || n, 'to', 'B-' || n, 'note', repeat('x', 120)), \
               '{{\"actor\":\"bench\"}}', 'sha256:' || repeat('0', 64), now()
             FROM generate_series({}, {until}) AS n",
            done + 1
        );
        schema.admin.batch_execute(&ahead).await?;
        schema.admin.batch_execute(&append).await?;
        done = until;
    }
    for step in ["VACUUM (ANALYZE) idp_outbox", "CHECKPOINT"] {
        schema.admin.batch_execute(step).await?;
    }
    Ok(())
}

/// How many rows a table has.
pub(crate) async fn count_of(schema: &Schema, table: &str) -> Result<u64, BoxError> {
    let row = schema.admin.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?;
    Ok(u64::try_from(row.get::<_, i64>(0))?)
}
