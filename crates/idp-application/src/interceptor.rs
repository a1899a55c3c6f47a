//! What happens to every read and write on its way to a store, in one fixed order.
//!
//! Tenant and version are not interceptors: they are part of the types that stores take
//! ([`RowQuery::scope`], [`ChangeSet::tenant`](crate::ChangeSet), the expected version), so no path
//! goes around them. The chain is: soft delete, audit, then those that the application adds, in the
//! order in which it adds them.

use crate::change_set::{RowWrite, SystemColumn, WriteKind};
use crate::{Context, Error, RowQuery};
use idp_domain::{TableKind, Timestamp, Value};
use std::sync::Arc;

/// Looks at, changes or refuses reads and writes. It cannot reach the scope of a query's rows
/// beyond narrowing it: the store checks the tenant of every row that comes back.
pub trait Interceptor: Send + Sync + 'static {
    /// Called for each query, after the built-in interceptors.
    fn on_read(&self, query: &mut RowQuery) -> Result<(), Error> {
        let _ = query;
        Ok(())
    }

    /// Called for each row of a commit, after the built-in interceptors.
    fn on_write(
        &self,
        write: &mut RowWrite,
        context: &Context,
        now: Timestamp,
    ) -> Result<(), Error> {
        let _ = (write, context, now);
        Ok(())
    }
}

/// The chain.
#[derive(Clone)]
pub struct Interceptors {
    chain: Vec<Arc<dyn Interceptor>>,
}

impl Default for Interceptors {
    fn default() -> Self {
        Self { chain: vec![Arc::new(SoftDelete), Arc::new(Audit)] }
    }
}

impl Interceptors {
    /// Adds one behind those that are there.
    pub fn push(&mut self, interceptor: impl Interceptor) {
        self.chain.push(Arc::new(interceptor));
    }

    /// Runs the chain over a query.
    pub fn on_read(&self, query: &mut RowQuery) -> Result<(), Error> {
        self.chain.iter().try_for_each(|interceptor| interceptor.on_read(query))
    }

    /// Runs the chain over one row of a commit.
    pub fn on_write(
        &self,
        write: &mut RowWrite,
        context: &Context,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.chain.iter().try_for_each(|interceptor| interceptor.on_write(write, context, now))
    }
}

/// Turns a removal into a mark where the aggregate has soft delete, and into a deletion elsewhere.
struct SoftDelete;

impl Interceptor for SoftDelete {
    fn on_write(
        &self,
        write: &mut RowWrite,
        context: &Context,
        now: Timestamp,
    ) -> Result<(), Error> {
        let WriteKind::Remove { expected, columns, values } = &mut write.kind else {
            return Ok(());
        };
        let (expected, columns, values) = (*expected, *columns, std::mem::take(values));
        if !write.table.soft_delete {
            write.kind = WriteKind::Delete { expected };
            return Ok(());
        }
        write.kind = WriteKind::Update { expected, columns, values };
        write.stamp(SystemColumn::DeletedAt, Value::Time(now));
        write.stamp(SystemColumn::DeletedBy, Value::Text(context.actor().as_str().into()));
        Ok(())
    }
}

/// Stamps who made and who last changed a row, and when.
struct Audit;

impl Interceptor for Audit {
    fn on_write(
        &self,
        write: &mut RowWrite,
        context: &Context,
        now: Timestamp,
    ) -> Result<(), Error> {
        if !write.table.audit || write.table.kind != TableKind::Aggregate {
            return Ok(());
        }
        let actor = Value::Text(context.actor().as_str().into());
        if matches!(write.kind, WriteKind::Insert { .. }) {
            write.stamp(SystemColumn::CreatedAt, Value::Time(now));
            write.stamp(SystemColumn::CreatedBy, actor.clone());
        }
        if !matches!(write.kind, WriteKind::Delete { .. }) {
            write.stamp(SystemColumn::UpdatedAt, Value::Time(now));
            write.stamp(SystemColumn::UpdatedBy, actor);
        }
        Ok(())
    }
}
