//! Events that lie there.

use crate::BoxError;
use crate::schema::Schema;

/// How many events one transaction appends: as many as a busy second would.
const AT_ONCE: u64 = 50_000;

/// Appends events of some 200 bytes each, of 10,000 aggregates of 10 tenants, in 64 lanes.
pub(crate) async fn fill(schema: &Schema, table: &str, count: u64) -> Result<(), BoxError> {
    let mut done = 0;
    while done < count {
        let until = (done + AT_ONCE).min(count);
        let append = format!(
            "INSERT INTO {table} (lane, id, tenant_id, aggregatetype, aggregateid, \
               aggregate_version, type, schema_id, schema_version, payload, metadata, \
               content_hash, occurred_at)
             SELECT n % 64, gen_random_uuid(), 'tenant-' || n % 10, 'parcel', \
               md5((n % 10000)::text)::uuid, n / 10000 + 1, 'parcel.moved', 'parcel.moved', 1, \
               json_build_object('from', 'A-' || n, 'to', 'B-' || n, 'note', repeat('x', 120)), \
               '{{\"actor\":\"bench\"}}', 'sha256:' || repeat('0', 64), now()
             FROM generate_series({}, {until}) AS n",
            done + 1
        );
        schema.admin.batch_execute(&append).await?;
        done = until;
    }
    schema.admin.batch_execute(&format!("ANALYZE {table}")).await?;
    Ok(schema.admin.batch_execute("CHECKPOINT").await?)
}
