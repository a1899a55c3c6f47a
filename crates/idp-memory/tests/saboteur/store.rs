//! Broken reads and commits.

use super::{Bug, Saboteur};
use idp_application::{
    BoxFuture, ChangeSet, Cost, Error, ErrorKind, Fetched, OrderKey, RowQuery, RowWrite, Scope,
    Store, StoredRow, Visibility, WriteKind,
};
use idp_domain::{Predicate, TenantId, Timestamp, Value};

impl Store for Saboteur {
    fn fetch(&self, query: RowQuery) -> BoxFuture<'_, Result<Fetched, Error>> {
        Box::pin(async move {
            let asked = query.clone();
            let mut fetched = self.store.fetch(self.distorted(query)).await?;
            match self.bug {
                Bug::LeaksAnotherTenant => self.leak(asked, &mut fetched).await?,
                Bug::TakesUnknownForFalse => fetched.rows.retain(|row| two_valued(&asked, row)),
                Bug::SortsTextByLanguage => sort_by_language(&asked, &mut fetched.rows),
                Bug::SortsNullsFirst => sort_nulls_first(&asked, &mut fetched.rows),
                Bug::TakesARoundTripMore => fetched.cost.round_trips += 1,
                Bug::CountsNoRows => fetched.cost.rows_read = 0,
                _ => {}
            }
            let values = fetched.rows.iter_mut().flat_map(|row| &mut row.values);
            values.for_each(|value| self.spoil(value));
            Ok(fetched)
        })
    }

    fn count(&self, query: RowQuery) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            let fetched = self.fetch(RowQuery { limit: None, offset: 0, after: None, ..query });
            Ok(u64::try_from(fetched.await?.rows.len()).expect("few rows"))
        })
    }

    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
        Box::pin(async move {
            let cost = self.sabotaged_commit(changes).await?;
            match self.bug {
                Bug::CountsNoRows => Ok(Cost::default()),
                Bug::TakesARoundTripMore => Ok(Cost { round_trips: 1, ..cost }),
                _ => Ok(cost),
            }
        })
    }
}

impl Saboteur {
    fn distorted(&self, query: RowQuery) -> RowQuery {
        match self.bug {
            Bug::ShowsDeletedRows => RowQuery { visibility: Visibility::WithDeleted, ..query },
            Bug::IgnoresTheStartOfAPage => RowQuery { after: None, ..query },
            Bug::IgnoresTheLimit => RowQuery { limit: None, ..query },
            Bug::TakesUnknownForFalse => RowQuery { predicate: Predicate::True, ..query },
            _ => query,
        }
    }

    /// Adds the rows of acme, under the name of whoever asks.
    async fn leak(&self, mut query: RowQuery, fetched: &mut Fetched) -> Result<(), Error> {
        let Scope::Tenant(asking) = query.scope else { return Ok(()) };
        let acme = TenantId::new("acme").expect("valid");
        if asking == acme {
            return Ok(());
        }
        query.scope = Scope::Tenant(acme);
        let leaked = self.store.fetch(query).await?.rows;
        fetched
            .rows
            .extend(leaked.into_iter().map(|row| StoredRow { tenant: asking.clone(), ..row }));
        Ok(())
    }

    fn spoil(&self, value: &mut Value) {
        match (self.bug, value) {
            #[expect(clippy::cast_possible_truncation, reason = "this is the bug")]
            (Bug::RoundsFloats, Value::Float(number)) => *number = f64::from(*number as f32),
            (Bug::TrimsText, Value::Text(text)) => *text = text.trim().into(),
            (Bug::CutsMicroseconds, Value::Time(time)) => {
                *time = Timestamp::from_unix_micros(time.unix_micros() / 1_000 * 1_000);
            }
            _ => {}
        }
    }

    async fn sabotaged_commit(&self, mut changes: ChangeSet) -> Result<Cost, Error> {
        match self.bug {
            Bug::LosesTheLastEvent if changes.events.len() > 1 => {
                changes.events.pop();
            }
            Bug::SwapsTwoEvents if changes.events.len() > 1 => changes.events.swap(0, 1),
            Bug::WritesEventsBeforeItChecks => {
                let events = std::mem::take(&mut changes.events);
                let first = ChangeSet { writes: vec![], events, ..changes.clone() };
                self.store.commit(first).await?;
            }
            Bug::CommitsRowByRow | Bug::YieldsInTheMiddleOfACommit => {
                return self.commit_row_by_row(changes).await;
            }
            Bug::RereadsTheVersion => self.reread_versions(&mut changes).await?,
            Bug::ClearsOtherColumns => changes.writes.iter_mut().for_each(clear_a_column),
            Bug::SwallowsDuplicates => {
                let result = self.store.commit(changes).await;
                return result.or_else(|error| match error.kind() {
                    ErrorKind::Duplicate => Ok(Cost::default()),
                    _ => Err(error),
                });
            }
            _ => {}
        }
        self.store.commit(changes).await
    }

    async fn commit_row_by_row(&self, changes: ChangeSet) -> Result<Cost, Error> {
        let ChangeSet { tenant, writes, events } = changes;
        let mut cost = Cost::default();
        for write in writes {
            let one = ChangeSet { tenant: tenant.clone(), writes: vec![write], events: vec![] };
            cost += self.store.commit(one).await?;
            if self.bug == Bug::YieldsInTheMiddleOfACommit {
                tokio::task::yield_now().await;
            }
        }
        cost += self.store.commit(ChangeSet { tenant, writes: vec![], events }).await?;
        Ok(cost)
    }

    /// Expects whatever version is there: the lost update.
    async fn reread_versions(&self, changes: &mut ChangeSet) -> Result<(), Error> {
        for write in &mut changes.writes {
            let scope = Scope::Tenant(changes.tenant.clone());
            let query = RowQuery::by_key(write.table, scope, Value::Uuid(write.key));
            let query = RowQuery { visibility: Visibility::WithDeleted, ..query };
            let Some(row) = self.store.fetch(query).await?.rows.pop() else { continue };
            match &mut write.kind {
                WriteKind::Update { expected, .. }
                | WriteKind::Remove { expected, .. }
                | WriteKind::Delete { expected } => *expected = row.version,
                WriteKind::Insert { .. } => {}
            }
        }
        Ok(())
    }
}

/// Sets the first nullable column that an update does not name to null.
fn clear_a_column(write: &mut RowWrite) {
    let WriteKind::Update { columns, values, .. } = &mut write.kind else { return };
    let named: Vec<_> = columns.iter().collect();
    let other = (0..write.table.columns.len())
        .find(|column| write.table.columns[*column].nullable && !named.contains(column));
    if let Some(other) = other {
        columns.insert_if(other, true);
        values.insert(named.iter().filter(|column| **column < other).count(), Value::Null);
    }
}

/// Whether the row satisfies the query, with `not unknown` taken for true.
fn two_valued(query: &RowQuery, row: &StoredRow) -> bool {
    let value = |column: usize| row.values[column].clone();
    match &query.predicate {
        Predicate::Not(inner) => inner.evaluate(&value) != Some(true),
        other => other.evaluate(&value) == Some(true),
    }
}

fn first_key(query: &RowQuery) -> Option<usize> {
    match query.order.first()?.key {
        OrderKey::Column(column) => Some(column),
        OrderKey::Revision | OrderKey::Tenant => None,
    }
}

fn sort_by_language(query: &RowQuery, rows: &mut [StoredRow]) {
    let Some(column) = first_key(query) else { return };
    if rows.iter().all(|row| matches!(row.values[column], Value::Text(_))) {
        rows.sort_by_key(|row| match &row.values[column] {
            Value::Text(text) => text.to_lowercase(),
            _ => String::new(),
        });
    }
}

fn sort_nulls_first(query: &RowQuery, rows: &mut [StoredRow]) {
    if let Some(column) = first_key(query) {
        rows.sort_by_key(|row| !row.values[column].is_null());
    }
}
