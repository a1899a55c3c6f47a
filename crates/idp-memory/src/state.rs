//! Everything that the store keeps.

use crate::leases::Readers;
use crate::log::Log;
use crate::log_keeping::Keeping;
use crate::side_track::SideTrack;
use crate::table::Table;
use crate::tenants::Tenants;
use idp_application::{DeadLetterRecord, Error, ErrorKind};
use idp_domain::TableSchema;
use std::collections::{BTreeMap, HashMap};

/// The tables, the outbox, how far its readers are, and what they set aside.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) tables: Tables,
    pub(crate) log: Log,
    pub(crate) keeping: Keeping,
    pub(crate) readers: Readers,
    /// By the name of the reader.
    pub(crate) side_tracks: HashMap<String, SideTrack>,
    /// Each with the name of the reader, the latest last.
    pub(crate) dead_letter_records: Vec<(String, DeadLetterRecord)>,
    /// By the name of the reader.
    pub(crate) tenants: HashMap<String, Tenants>,
    key_revision: i64,
}

impl State {
    /// A revision for a parked key. None is given twice, so that a key that is parked anew is never
    /// taken for what it was before.
    pub(crate) fn next_revision(&mut self) -> i64 {
        self.key_revision += 1;
        self.key_revision
    }
}

/// The tables by name.
#[derive(Default)]
pub(crate) struct Tables(BTreeMap<&'static str, Table>);

impl Tables {
    /// Creates what is missing, unless one of them is there in another shape.
    pub(crate) fn create(&mut self, schemas: &[&'static TableSchema]) -> Result<(), Error> {
        for schema in schemas {
            if self.0.get(schema.name).is_some_and(|table| table.schema() != *schema) {
                return Err(another_shape("migrate", schema));
            }
        }
        for schema in schemas {
            self.0.entry(schema.name).or_insert_with(|| Table::new(schema));
        }
        Ok(())
    }

    pub(crate) fn get(&self, schema: &'static TableSchema) -> Result<&Table, Error> {
        match self.0.get(schema.name) {
            Some(table) if table.schema() == schema => Ok(table),
            Some(_) => Err(another_shape("find the table", schema)),
            None => Err(unknown(schema)),
        }
    }

    pub(crate) fn get_mut(&mut self, schema: &'static TableSchema) -> Result<&mut Table, Error> {
        match self.0.get_mut(schema.name) {
            Some(table) if table.schema() == schema => Ok(table),
            Some(_) => Err(another_shape("find the table", schema)),
            None => Err(unknown(schema)),
        }
    }
}

fn another_shape(operation: &'static str, schema: &TableSchema) -> Error {
    let message = format!("the table `{}` has another shape than its schema", schema.name);
    Error::new(ErrorKind::Invalid, operation, message)
}

fn unknown(schema: &TableSchema) -> Error {
    let message =
        format!("there is no table `{}`: give its schema to `migrate` first", schema.name);
    Error::new(ErrorKind::Invalid, "find the table", message)
}
