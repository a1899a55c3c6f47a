//! The limit: the log read in pages, in the order of positions, with the columns that a message needs
//! taken out of each row; nothing is decided, sent or recorded.

use super::BATCH;
use super::counting::Counting;
use crate::BoxError;
use crate::schema::Schema;
use uuid::Uuid;

const PAGE: &str = "SELECT position, lane, id, tenant_id, aggregatetype, aggregateid, \
    aggregate_version, type, schema_id, schema_version, payload::text, metadata::text, \
    content_hash, occurred_at FROM idp_outbox WHERE position > $1 ORDER BY position LIMIT $2";

pub(crate) async fn drain(schema: &Schema, count: u64) -> Result<u64, BoxError> {
    let client = schema.client().await?;
    let page = client.prepare(PAGE).await?;
    let counting = Counting::default();
    let mut position = 0_i64;
    while counting.count() < count {
        let rows = client.query(&page, &[&position, &i64::from(BATCH)]).await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            position = row.get(0);
            let ids: (Uuid, Uuid) = (row.get(2), row.get(5));
            let texts: [String; 4] = [row.get(3), row.get(7), row.get(10), row.get(11)];
            let at: chrono::DateTime<chrono::Utc> = row.get(13);
            events.push((row.get::<_, i16>(1), ids, texts, row.get::<_, i64>(6), at));
        }
        if events.is_empty() {
            return Err("the log ended early".into());
        }
        counting.add(std::hint::black_box(events).len());
    }
    Ok(counting.count())
}
