//! What the edge asks the board.

use super::BoardRow;
use idp::application::KeysetToken;
use idp::prelude::*;
use route_planning_domain::{RoutePlanId, Status};

/// The board of one tenant.
#[derive(Clone)]
pub struct BoardReads(Reads);

impl BoardReads {
    /// The board as these reads see it.
    pub fn new(reads: Reads) -> Self {
        Self(reads)
    }

    /// The row of a plan. Fails with [`NotFound`](ErrorKind::NotFound) when the tenant has none, or
    /// the board does not show it yet.
    pub async fn get(&self, plan: RoutePlanId) -> Result<Revised<BoardRow>, Error> {
        self.0.find(plan).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "board", format!("there is no route plan {plan}"))
        })
    }

    /// One page of the plans with that status, or of all: the most urgent first, then by reference.
    pub async fn page(
        &self,
        status: Option<Status>,
        size: u32,
        after: Option<KeysetToken>,
    ) -> Result<Page<Revised<BoardRow>>, Error> {
        let wanted = match status {
            Some(status) => BoardRow::STATUS.eq(status),
            None => Specification::all(),
        };
        let request = PageRequest::of(wanted, size)
            .by(BoardRow::PRIORITY.desc())
            .by(BoardRow::REFERENCE.asc());
        self.0.page(request.after(after)).await
    }

    /// The rows that changed after a revision, the earliest change first.
    pub async fn changed_after(
        &self,
        revision: i64,
        limit: u32,
    ) -> Result<Vec<Revised<BoardRow>>, Error> {
        self.0.changed_after(revision, limit).await
    }
}
