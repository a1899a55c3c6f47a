//! A store of read models that is checked after every batch.

use crate::fold_check::{WrongRow, check_fold};
use idp_application::{
    Applied, BoxFuture, Error, OutboxLog, Projection, ProjectionBatch, ProjectionStore, Reader,
    Store,
};
use idp_domain::TableSchema;
use std::sync::{Arc, Mutex, PoisonError};

/// Passes everything on to a store, and after each batch that was applied holds the rows against the
/// fold of the log up to the checkpoint of the batch: guarantee f, at every commit. Several projectors
/// may share one.
pub struct Audited<P> {
    projection: P,
    projections: Arc<dyn ProjectionStore>,
    log: Arc<dyn OutboxLog>,
    store: Arc<dyn Store>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    audits: usize,
    wrong: Vec<WrongRow>,
}

impl<P: Projection> Audited<P> {
    /// Audits the batches of `projections`; rows and events are read from the two others.
    pub fn new(
        projection: P,
        projections: Arc<dyn ProjectionStore>,
        log: Arc<dyn OutboxLog>,
        store: Arc<dyn Store>,
    ) -> Self {
        Self { projection, projections, log, store, found: Mutex::default() }
    }

    /// How many batches were audited.
    pub fn audits(&self) -> usize {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).audits
    }

    /// What was wrong, in the order of the audits.
    pub fn wrong_rows(&self) -> Vec<WrongRow> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).wrong.clone()
    }

    async fn audit(&self, checkpoint: i64) -> Result<(), Error> {
        let (log, store) = (self.log.as_ref(), self.store.as_ref());
        let wrong = check_fold(&self.projection, log, store, checkpoint).await?;
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.audits += 1;
        found.wrong.extend(wrong);
        Ok(())
    }
}

impl<P: Projection> ProjectionStore for Audited<P> {
    fn apply(&self, batch: ProjectionBatch) -> BoxFuture<'_, Result<Applied, Error>> {
        Box::pin(async move {
            let checkpoint = batch.progress.sequence;
            let applied = self.projections.apply(batch).await?;
            if applied == Applied::Done {
                self.audit(checkpoint).await?;
            }
            Ok(applied)
        })
    }

    fn reset<'a>(
        &'a self,
        reader: &'a Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> BoxFuture<'a, Result<Applied, Error>> {
        Box::pin(async move {
            let applied = self.projections.reset(reader, epoch, table).await?;
            if applied == Applied::Done {
                self.audit(0).await?;
            }
            Ok(applied)
        })
    }
}
