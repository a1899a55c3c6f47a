//! Commits: payloads are encrypted on their way to the outbox. Rows are not touched.

use super::Encrypted;
use idp_application::{
    Applied, BoxFuture, ChangeSet, Cost, Error, Fetched, Migrate, ProjectionBatch, ProjectionStore,
    Reader, RowQuery, Store,
};
use idp_domain::TableSchema;

impl<B: Store + ?Sized> Encrypted<B> {
    async fn encrypt_and_commit(&self, mut changes: ChangeSet) -> Result<Cost, Error> {
        if !changes.events.is_empty() {
            let key = self.cipher.current(&changes.tenant).await?;
            for event in &mut changes.events {
                event.envelope = self.encrypted(event.envelope.clone(), &key)?;
            }
        }
        self.inner.commit(changes).await
    }
}

impl<B: Store + ?Sized> Store for Encrypted<B> {
    fn fetch(&self, query: RowQuery) -> BoxFuture<'_, Result<Fetched, Error>> {
        self.inner.fetch(query)
    }

    fn count(&self, query: RowQuery) -> BoxFuture<'_, Result<u64, Error>> {
        self.inner.count(query)
    }

    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
        Box::pin(self.encrypt_and_commit(changes))
    }
}

impl<B: ProjectionStore + ?Sized> ProjectionStore for Encrypted<B> {
    fn apply(&self, batch: ProjectionBatch) -> BoxFuture<'_, Result<Applied, Error>> {
        self.inner.apply(batch)
    }

    fn reset<'a>(
        &'a self,
        reader: &'a Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> BoxFuture<'a, Result<Applied, Error>> {
        self.inner.reset(reader, epoch, table)
    }
}

impl<B: Migrate + ?Sized> Migrate for Encrypted<B> {
    fn migrate<'a>(
        &'a self,
        tables: &'a [&'static TableSchema],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.inner.migrate(tables)
    }
}
