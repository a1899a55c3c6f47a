//! `route-planning board --tenant T`

use crate::board::{BoardReads, BoardRow};
use crate::bootstrap::Core;
use crate::settings::Settings;
use idp::application::{Actor, BoxError};
use idp::prelude::*;
use std::io::Write;
use std::time::Duration;

const PAGE_SIZE: u32 = 200;

/// How long to wait for the board. It is enough for thousands of events that no service has folded
/// yet; where a service runs, that has the work, and there is nothing to wait for.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Brings the board up to date, and prints that of one tenant, page by page.
pub(crate) async fn board(
    settings: Settings,
    tenant: TenantId,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let core = Core::open(&settings.database).await?;
    let projector = core.start_projector()?;
    if let Ok(caught_up) = tokio::time::timeout(WAIT_MAX, projector.caught_up()).await {
        caught_up?;
    }
    projector.stop().await?;
    let context = Context::new(tenant, Actor::new("board"));
    let board = BoardReads::new(core.app.reads(&context));
    let mut after = None;
    loop {
        let page = board.page(None, PAGE_SIZE, after).await?;
        for row in &page.items {
            writeln!(out, "{}", line(row))?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn line(row: &BoardRow) -> String {
    let BoardRow { reference, plan_id, stop_count, load, capacity, .. } = row;
    let status = row.status.as_str();
    #[expect(clippy::cast_precision_loss, reason = "it is only shown")]
    let cost = row.cost_tenths as f64 / 10.0;
    format!(
        "{status:<12}{reference:<28}{stop_count:>5} stops {load:>6}/{capacity:<6} cost {cost:<10} {plan_id}"
    )
}
