//! Commits: payloads are encrypted on their way to the outbox. Rows are not touched.

use super::Encrypted;
use idp_application::{
    BoxFuture, ChangeSet, Cost, Error, Migrate, ProjectionStore, Store, delegate_port,
};

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
    delegate_port!(Store { fetch, count } => |this| this.inner);

    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
        Box::pin(self.encrypt_and_commit(changes))
    }
}

impl<B: ProjectionStore + ?Sized> ProjectionStore for Encrypted<B> {
    delegate_port!(ProjectionStore => |this| this.inner);
}

impl<B: Migrate + ?Sized> Migrate for Encrypted<B> {
    delegate_port!(Migrate => |this| this.inner);
}
