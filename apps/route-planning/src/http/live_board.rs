//! `GET /api/board/live`

use super::HttpState;
use super::board_body::BoardBody;
use crate::board::{BoardReads, BoardRow};
use futures_util::stream::{self, Stream, TryStreamExt};
use idp::application::CommitListener;
use idp::http::axum::extract::State;
use idp::http::axum::response::Response;
use idp::http::{Caller, LastEventId, LiveEvent, Operation, Problem, live};
use idp::prelude::*;
use std::time::Duration;

/// How often to look for changes that no projector of this process announced.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

const BATCH_SIZE: u32 = 100;

pub(super) fn operation() -> Operation {
    Operation::get("/api/board/live", "live_board", "Follows the board")
        .tag("Board")
        .describe(
            "Every plan of the board, then each again whenever it changes, as events named `plan`. \
             A client that comes back with the id of the last event that it saw, in \
             `Last-Event-ID`, gets what changed since.",
        )
        .answers_live::<BoardBody>("Plans, the earliest change first")
}

pub(super) async fn handle(
    State(state): State<HttpState>,
    Caller(context): Caller,
    last: LastEventId,
) -> Result<Response, Problem> {
    let follower = Follower {
        board: BoardReads::new(state.app.reads(&context)),
        seen: last.parse()?.unwrap_or(0),
        changed: state.board_changed.listen(),
    };
    Ok(live(follower.events(), &state.shutdown))
}

/// Somebody who looks at the board of one tenant.
struct Follower {
    board: BoardReads,
    seen: i64,
    changed: CommitListener,
}

impl Follower {
    fn events(self) -> impl Stream<Item = Result<LiveEvent, Error>> + Send {
        stream::try_unfold(self, |mut follower| async {
            let events: Vec<_> = follower.next().await?.iter().map(event).collect();
            Ok(Some((stream::iter(events), follower)))
        })
        .try_flatten()
    }

    /// The rows that changed since the last time: at least one.
    async fn next(&mut self) -> Result<Vec<Revised<BoardRow>>, Error> {
        loop {
            let rows = self.board.changed_after(self.seen, BATCH_SIZE).await?;
            if let Some(last) = rows.last() {
                self.seen = last.revision;
                return Ok(rows);
            }
            // The signal and the clock say the same: look again.
            let _ = tokio::time::timeout(POLL_INTERVAL, self.changed.rung()).await;
        }
    }
}

fn event(row: &Revised<BoardRow>) -> Result<LiveEvent, Error> {
    Ok(LiveEvent::json(row.revision, &BoardBody::of(row))?.named("plan"))
}
