//! Read models and their checkpoint, written by one statement.

use crate::dialect::type_name;
use crate::error::translate_for;
use crate::lease::millis;
use crate::parameter::Parameter;
use crate::store::PgStore;
use idp_application::{
    Applied, BoxFuture, Cost, Error, ErrorKind, Lane, ProjectionBatch, ProjectionStore,
    ProjectionWrite, Reader, Sharding,
};
use idp_domain::{Kind, TableSchema};
use idp_sql::key_columns;

/// Moves the checkpoint if the lease still has its epoch; everything else waits for it.
const CHECKPOINT: &str = "
    WITH c AS (
      UPDATE idp_reader_lane
         SET tick = $4::bigint, position = $5::bigint, sequence = $6::bigint,
             lease_until = clock_timestamp() + $7::bigint * interval '1 millisecond'
       WHERE reader = $1 AND lane = $2::smallint AND epoch = $3::bigint AND owner IS NOT NULL
      RETURNING 1
    )";

/// The gate keeps purges out until this is committed.
const RESET: &str = "
    WITH g AS MATERIALIZED (SELECT window_first FROM idp_log_floor FOR SHARE),
    c AS (
      UPDATE idp_reader_lane SET tick = 0, position = 0, sequence = 0 FROM g
       WHERE reader = $1 AND lane = $2::smallint AND epoch = $3::bigint AND owner IS NOT NULL
         AND g.window_first = 1
      RETURNING 1
    )";

impl PgStore {
    async fn apply_batch(&self, batch: ProjectionBatch) -> Result<Applied, Error> {
        let progress = &batch.progress;
        let mut statement = BatchStatement {
            sql: CHECKPOINT.to_owned(),
            parameters: vec![
                Parameter::Text(&batch.reader.name),
                Parameter::SmallInt(progress.lane.number()),
                Parameter::BigInt(progress.epoch),
                Parameter::BigInt(progress.cursor.window),
                Parameter::BigInt(progress.cursor.position),
                Parameter::BigInt(progress.sequence),
                millis(batch.lease_ttl),
            ],
            arms: 0,
        };
        for (table, upserts, deletes) in by_table(&batch.writes) {
            statement.upsert(table, &upserts);
            statement.delete(table, &deletes);
        }
        statement.sql.push_str("\nSELECT count(*) FROM c");
        let tables: Vec<_> = batch.writes.iter().map(|write| write.table).collect();
        self.run_batch("apply", &statement.sql, &statement.parameters, &tables).await
    }

    async fn reset_table(
        &self,
        reader: &Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> Result<Applied, Error> {
        let lane = match reader.sharding {
            Sharding::Whole => Lane::WHOLE,
            Sharding::ByLane => Lane::from_number(0),
        };
        let sql = format!(
            "{RESET}, d AS (DELETE FROM \"{}\" WHERE (SELECT count(*) FROM c) = 1)
             SELECT CASE WHEN g.window_first = 1 THEN (SELECT count(*) FROM c) ELSE -1 END FROM g",
            table.name
        );
        let parameters = [
            Parameter::Text(&reader.name),
            Parameter::SmallInt(lane.number()),
            Parameter::BigInt(epoch),
        ];
        self.run_batch("reset", &sql, &parameters, &[table]).await
    }

    async fn run_batch(
        &self,
        operation: &'static str,
        sql: &str,
        parameters: &[Parameter<'_>],
        tables: &[&'static TableSchema],
    ) -> Result<Applied, Error> {
        let mut checkout = self.pool.checkout().await?;
        let result = checkout.session.query(sql, parameters, &mut Cost::default()).await;
        checkout.give_back();
        let rows = result.map_err(|e| translate_for(operation, e, tables))?;
        let found: i64 = rows.first().map_or(0, |row| row.get(0));
        match found {
            1 => Ok(Applied::Done),
            -1 => {
                let message = "events of the log were purged: what they said cannot be read again";
                Err(Error::new(ErrorKind::Unsupported, operation, message))
            }
            _ => Ok(Applied::Fenced),
        }
    }
}

impl ProjectionStore for PgStore {
    fn apply(&self, batch: ProjectionBatch) -> BoxFuture<'_, Result<Applied, Error>> {
        Box::pin(self.apply_batch(batch))
    }

    fn reset<'a>(
        &'a self,
        reader: &'a Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> BoxFuture<'a, Result<Applied, Error>> {
        Box::pin(self.reset_table(reader, epoch, table))
    }
}

type TableWrites<'w> = (&'static TableSchema, Vec<&'w ProjectionWrite>, Vec<&'w ProjectionWrite>);

fn by_table(writes: &[ProjectionWrite]) -> Vec<TableWrites<'_>> {
    let mut tables: Vec<TableWrites<'_>> = Vec::new();
    for write in writes {
        let known = tables.iter().position(|(table, ..)| table.name == write.table.name);
        let index = known.unwrap_or_else(|| {
            tables.push((write.table, Vec::new(), Vec::new()));
            tables.len() - 1
        });
        let (_, upserts, deletes) = &mut tables[index];
        if write.values.is_some() { upserts.push(write) } else { deletes.push(write) }
    }
    tables
}

struct BatchStatement<'w> {
    sql: String,
    parameters: Vec<Parameter<'w>>,
    arms: usize,
}

impl<'w> BatchStatement<'w> {
    fn upsert(&mut self, table: &TableSchema, writes: &[&'w ProjectionWrite]) {
        if writes.is_empty() {
            return;
        }
        let names = table.columns.iter().map(|column| format!("\"{}\"", column.name));
        let names: Vec<String> = names.collect();
        self.begin_arm();
        self.push(&format!(
            "INSERT INTO \"{}\" (\"tenant_id\", \"revision\", {}) SELECT i.* FROM unnest(",
            table.name,
            names.join(", ")
        ));
        self.tenants(writes);
        self.push(", ");
        self.bind_array(writes.iter().map(|w| Parameter::BigInt(w.revision)).collect(), "bigint");
        for (index, column) in table.columns.iter().enumerate() {
            let values = writes.iter().filter_map(|write| write.values.as_ref());
            let values = values.map(|values| Parameter::Value(&values[index])).collect();
            self.push(", ");
            self.bind_array(values, type_name(column.kind));
        }
        let [tenant, key] = key_columns(table);
        self.push(&format!(
            ") AS i WHERE (SELECT count(*) FROM c) = 1 ON CONFLICT (\"{tenant}\", \"{key}\") DO \
             UPDATE SET \"revision\" = excluded.\"revision\""
        ));
        for name in names {
            self.push(&format!(", {name} = excluded.{name}"));
        }
        self.push(")");
    }

    fn delete(&mut self, table: &TableSchema, writes: &[&'w ProjectionWrite]) {
        if writes.is_empty() {
            return;
        }
        let [tenant, key] = key_columns(table);
        self.begin_arm();
        self.push(&format!("DELETE FROM \"{}\" AS r USING unnest(", table.name));
        self.tenants(writes);
        self.push(", ");
        let keys = writes.iter().map(|write| Parameter::Value(&write.key)).collect();
        self.bind_array(keys, type_name(table.key_column().kind));
        self.push(&format!(
            ") AS i(t, k) WHERE r.\"{tenant}\" = i.t AND r.\"{key}\" = i.k AND \
             (SELECT count(*) FROM c) = 1)"
        ));
    }

    fn tenants(&mut self, writes: &[&'w ProjectionWrite]) {
        let tenants = writes.iter().map(|write| Parameter::Text(write.tenant.as_str()));
        self.bind_array(tenants.collect(), type_name(Kind::Text));
    }

    fn begin_arm(&mut self) {
        self.sql.push_str(&format!(",\nw{} AS (", self.arms));
        self.arms += 1;
    }

    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn bind_array(&mut self, values: Vec<Parameter<'w>>, type_name: &str) {
        self.parameters.push(Parameter::Values(values));
        self.sql.push_str(&format!("(SELECT ${}::{type_name}[])", self.parameters.len()));
    }
}
