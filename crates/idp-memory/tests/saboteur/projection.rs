//! Broken read models.

use super::{Bug, Saboteur};
use idp_application::{
    Applied, BoxFuture, Error, Lane, LaneProgress, ProjectionBatch, ProjectionStore, Reader,
};
use idp_domain::TableSchema;

impl ProjectionStore for Saboteur {
    fn apply(&self, mut batch: ProjectionBatch) -> BoxFuture<'_, Result<Applied, Error>> {
        Box::pin(async move {
            match self.bug {
                Bug::MovesTheCheckpointWithoutRows => batch.writes.clear(),
                Bug::WritesRowsWithoutTheCheckpoint => {
                    let LaneProgress { lane, epoch, .. } = batch.progress;
                    let (cursor, sequence) = Default::default();
                    batch.progress = LaneProgress { lane, epoch, cursor, sequence };
                }
                Bug::YieldsBetweenRowsAndCheckpoint => {
                    let writes = std::mem::take(&mut batch.writes);
                    let _ = self.store.apply(batch.clone()).await?;
                    tokio::task::yield_now().await;
                    batch.writes = writes;
                }
                Bug::AppliesUnderAnOldEpoch => {
                    batch.progress.epoch = self.current_epoch(&batch.reader, Lane::WHOLE);
                }
                Bug::ForgetsRevisions => {
                    batch.writes.iter_mut().for_each(|write| write.revision = 1);
                }
                _ => {}
            }
            self.store.apply(batch).await
        })
    }

    fn reset<'a>(
        &'a self,
        reader: &'a Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> BoxFuture<'a, Result<Applied, Error>> {
        match self.bug {
            Bug::RebuildsFromAPart | Bug::KeepsRowsAtAReset => {
                Box::pin(async { Ok(Applied::Done) })
            }
            _ => self.store.reset(reader, epoch, table),
        }
    }
}
