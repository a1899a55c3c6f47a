//! Many items, a unit of work for each few of them.

use crate::{Application, Context, Error, Uow};
use std::fmt;

/// A batch that failed: what came before it is committed, it and what follows is not.
#[derive(Debug)]
pub struct BatchError<E> {
    /// How many items, counted from the first, are committed.
    pub committed: usize,
    /// Why the next batch was not.
    pub error: E,
}

impl<E: fmt::Display> fmt::Display for BatchError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} committed items: {}", self.committed, self.error)
    }
}

impl<E: std::error::Error + 'static> std::error::Error for BatchError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl Application {
    /// Runs a use case for each item and commits after every `batch_size` of them (0 counts as 1),
    /// so that a long list needs neither one huge commit nor one commit an item. Each batch is all
    /// or nothing, and runs again on a conflict. Stops at the first batch that fails; the error says
    /// how many items are committed, so that the caller can go on from there.
    pub async fn run_in_batches<I, E, F, R>(
        &self,
        context: &Context,
        items: &[I],
        batch_size: usize,
        use_case: F,
    ) -> Result<(), BatchError<E>>
    where
        I: Clone,
        F: Fn(Uow, I) -> R,
        R: Future<Output = Result<(), E>>,
        E: From<Error>,
    {
        let mut committed = 0;
        for batch in items.chunks(batch_size.max(1)) {
            let use_case = &use_case;
            let each = move |uow: Uow| async move {
                for item in batch {
                    use_case(uow.clone(), item.clone()).await?;
                }
                Ok(())
            };
            let result = self.run(context.clone(), each).await;
            result.map_err(|error| BatchError { committed, error })?;
            committed += batch.len();
        }
        Ok(())
    }
}
