//! Queries over read models. Nothing here loads an aggregate: the types do not allow it.

use crate::application::Services;
use crate::{
    Error, ErrorKind, KeysetToken, OrderBy, OrderKey, Page, PageRequest, RowQuery, Scope, StoredRow,
};
use idp_domain::{Direction, FieldType, ReadModel, RowValues, SpecificationOf, TenantId, Value};
use std::ops::Deref;
use std::sync::Arc;

/// A row with the tenant it belongs to and the revision at which it last changed. Revisions rise
/// with every event that the projection folded, over all tenants.
#[derive(Clone, Debug, PartialEq)]
pub struct Revised<R> {
    /// Whose row.
    pub tenant: TenantId,
    /// When it last changed, as a number in the projection's log.
    pub revision: i64,
    /// The row.
    pub row: R,
}

impl<R> Deref for Revised<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.row
    }
}

/// The read models in one scope.
#[derive(Clone)]
pub struct Reads {
    services: Arc<Services>,
    scope: Scope,
}

impl Reads {
    pub(crate) fn new(services: Arc<Services>, scope: Scope) -> Self {
        Self { services, scope }
    }

    /// The row with that key, or `None`.
    pub async fn find<R: ReadModel>(
        &self,
        key: impl FieldType + Send,
    ) -> Result<Option<Revised<R>>, Error> {
        let query = RowQuery::by_key(R::SCHEMA, self.scope.clone(), key.to_value());
        let mut rows = self.services.fetch(query).await?.rows;
        rows.pop().map(revised).transpose()
    }

    /// One page of the rows that satisfy a specification. Fails with
    /// [`Invalid`](ErrorKind::Invalid) when its size is not within 1..=1000 or its start is not
    /// one of this list.
    pub async fn page<R: ReadModel>(
        &self,
        request: PageRequest<R>,
    ) -> Result<Page<Revised<R>>, Error> {
        if request.size == 0 || request.size > PageRequest::<R>::SIZE_MAX {
            let bound = PageRequest::<R>::SIZE_MAX;
            let message = format!("`limit` must be within 1..={bound}, got {}", request.size);
            return Err(Error::new(ErrorKind::Invalid, "page", message));
        }
        let size = request.size;
        let (query, keys) = self.query_of(request)?;
        let mut rows = self.services.fetch(query).await?.rows;
        let more = rows.len() > usize::try_from(size).unwrap_or(usize::MAX);
        rows.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let next = rows.last().filter(|_| more).map(|last| {
            let place: Vec<_> = keys.iter().map(|key| value_of(last, *key)).collect();
            KeysetToken::of(&place)
        });
        Ok(Page { items: rows.into_iter().map(revised).collect::<Result<_, _>>()?, next })
    }

    /// How many rows satisfy the specification.
    pub async fn count<R: ReadModel>(
        &self,
        specification: impl SpecificationOf<R>,
    ) -> Result<u64, Error> {
        let predicate = specification.into_specification().into_predicate();
        let mut query = RowQuery { predicate, ..RowQuery::all(R::SCHEMA, self.scope.clone()) };
        self.services.prepare(&mut query)?;
        self.services.store.count(query).await
    }

    /// The rows that changed after a revision, the earliest change first: for live views. A row that
    /// changed twice comes once, in its last state; a row that is gone does not come.
    pub async fn changed_after<R: ReadModel>(
        &self,
        revision: i64,
        limit: u32,
    ) -> Result<Vec<Revised<R>>, Error> {
        let query = RowQuery {
            revision_after: Some(revision),
            limit: Some(limit),
            ..RowQuery::all(R::SCHEMA, self.scope.clone())
        };
        let by = OrderBy { key: OrderKey::Revision, direction: Direction::Ascending };
        let rows = self.services.fetch(query.with_order(vec![by])).await?.rows;
        rows.into_iter().map(revised).collect()
    }

    /// The revision of the row that changed last; 0 when there is none.
    pub async fn revision<R: ReadModel>(&self) -> Result<i64, Error> {
        let query = RowQuery { limit: Some(1), ..RowQuery::all(R::SCHEMA, self.scope.clone()) };
        let by = OrderBy { key: OrderKey::Revision, direction: Direction::Descending };
        let rows = self.services.fetch(query.with_order(vec![by])).await?.rows;
        Ok(rows.first().map_or(0, |row| row.version))
    }

    fn query_of<R: ReadModel>(
        &self,
        request: PageRequest<R>,
    ) -> Result<(RowQuery, Vec<OrderKey>), Error> {
        let order = request.order.iter().map(|order| OrderBy {
            key: OrderKey::Column(order.column()),
            direction: order.direction(),
        });
        let mut query = RowQuery {
            predicate: request.specification.into_predicate(),
            offset: request.offset,
            limit: Some(request.size + 1),
            ..RowQuery::all(R::SCHEMA, self.scope.clone())
        }
        .with_order(order.collect());
        let keys: Vec<OrderKey> = query.order.iter().map(|by| by.key).collect();
        if let Some(nullable) = keys.iter().find_map(|key| nullable::<R>(*key)) {
            let message = format!("pages cannot be sorted by `{nullable}`, which may be null");
            return Err(Error::new(ErrorKind::Unsupported, "page", message));
        }
        let after = request.after.map(|token| token.values(R::SCHEMA, &keys));
        query.after = after.transpose()?;
        Ok((query, keys))
    }
}

/// The name of the column, if it may be null.
fn nullable<R: ReadModel>(key: OrderKey) -> Option<&'static str> {
    match key {
        OrderKey::Column(column) => {
            let column = &R::SCHEMA.columns[column];
            column.nullable.then_some(column.name)
        }
        OrderKey::Revision | OrderKey::Tenant => None,
    }
}

fn value_of(row: &StoredRow, key: OrderKey) -> Value {
    match key {
        OrderKey::Column(column) => row.values[column].clone(),
        OrderKey::Revision => Value::Int(row.version),
        OrderKey::Tenant => Value::Text(row.tenant.as_str().into()),
    }
}

fn revised<R: ReadModel>(row: StoredRow) -> Result<Revised<R>, Error> {
    let StoredRow { tenant, version: revision, values } = row;
    let row = RowValues::new(R::SCHEMA, values)
        .and_then(R::from_row)
        .map_err(|e| crate::row::corrupt(R::SCHEMA, e))?;
    Ok(Revised { tenant, revision, row })
}
