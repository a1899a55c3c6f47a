//! The limit: the log read in pages, in the order of positions, and each row made into a message.
//! Nobody shares the work, nothing is recorded, and what commits late is missed.

use super::PAGE;
use super::counting::Counting;
use super::message::{COLUMNS, Columns, MessagesByHand};
use super::results::Drained;
use crate::BoxError;
use crate::schema::Schema;
use std::time::Instant;

pub(crate) async fn drain(schema: &Schema, count: u64) -> Result<Drained, BoxError> {
    let client = schema.client().await?;
    let page =
        format!("SELECT {COLUMNS} FROM idp_outbox WHERE position > $1 ORDER BY position LIMIT $2");
    let page = client.prepare(&page).await?;
    let (counting, mut by_hand) = (Counting::default(), MessagesByHand::default());
    let mut position = 0_i64;
    let start = Instant::now();
    while counting.count() < count {
        let rows = client.query(&page, &[&position, &i64::from(PAGE)]).await?;
        let mut messages = Vec::with_capacity(rows.len());
        for row in &rows {
            let columns = Columns::of(row)?;
            position = columns.position;
            messages.push(by_hand.message(columns)?);
        }
        if messages.is_empty() {
            return Err("the log ended early".into());
        }
        counting.take(&messages);
    }
    Ok(Drained { events: counting.count(), took: start.elapsed() })
}
