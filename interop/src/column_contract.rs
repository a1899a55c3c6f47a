//! The columns of the outbox that Debezium's event router, and whoever else reads the table, may rely
//! on.

/// A column of `idp_outbox`, none of which is ever null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type, as PostgreSQL writes it.
    pub sql_type: &'static str,
    /// The setting of the router that takes it by this name without being told, if there is one.
    pub router_setting: Option<&'static str>,
}

/// Those that will not change. Others may come.
pub const COLUMNS: &[Column] = &[
    Column::routed("id", "uuid", "table.field.event.id"),
    Column::routed("aggregatetype", "text", "route.by.field"),
    Column::routed("aggregateid", "uuid", "table.field.event.key"),
    Column::routed("type", "text", "table.field.event.type"),
    Column::routed("payload", "json", "table.field.event.payload"),
    Column::more("position", "bigint"),
    Column::more("lane", "smallint"),
    Column::more("tenant_id", "text"),
    Column::more("aggregate_version", "bigint"),
    Column::more("schema_id", "text"),
    Column::more("schema_version", "integer"),
    Column::more("metadata", "json"),
    Column::more("content_hash", "text"),
    Column::more("occurred_at", "timestamp with time zone"),
];

impl Column {
    const fn routed(name: &'static str, sql_type: &'static str, setting: &'static str) -> Self {
        Self { name, sql_type, router_setting: Some(setting) }
    }

    const fn more(name: &'static str, sql_type: &'static str) -> Self {
        Self { name, sql_type, router_setting: None }
    }
}

/// A column as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundColumn {
    /// Its name.
    pub name: String,
    /// Its type, as PostgreSQL writes it.
    pub sql_type: String,
    /// Whether it can be null.
    pub is_nullable: bool,
}

/// What of the contract does not hold.
pub fn column_faults(found: &[FoundColumn]) -> Vec<String> {
    let fault = |column: &Column| {
        let name = column.name;
        let Some(found) = found.iter().find(|found| found.name == name) else {
            return Some(format!("there is no column {name}"));
        };
        if found.sql_type != column.sql_type {
            return Some(format!("{name} is {}, not {}", found.sql_type, column.sql_type));
        }
        found.is_nullable.then(|| format!("{name} can be null"))
    };
    COLUMNS.iter().filter_map(fault).collect()
}
