//! Read models: rows and checkpoint together, and only under the current epoch.

use crate::state::{State, Tables};
use crate::table::Row;
use idp_application::{Applied, Error, ErrorKind, Lane, ProjectionBatch, ProjectionWrite, Reader};
use idp_domain::{TableSchema, Timestamp};
use std::collections::BTreeMap;

impl State {
    pub(crate) fn apply(
        &mut self,
        batch: ProjectionBatch,
        now: Timestamp,
    ) -> Result<Applied, Error> {
        let ProjectionBatch { reader, progress, lease_ttl, writes } = batch;
        if !self.readers.holds(&reader, progress.lane, progress.epoch) {
            return Ok(Applied::Fenced);
        }
        self.tables.project_all(writes)?;
        self.readers.advance_lane(&reader, &progress, now, lease_ttl);
        Ok(Applied::Done)
    }

    pub(crate) fn reset(
        &mut self,
        reader: &Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> Result<Applied, Error> {
        let table = self.tables.get_mut(table)?;
        if self.log.start() > 0 && self.readers.holds(reader, Lane::WHOLE, epoch) {
            let message = "events of the log were purged: what they said cannot be read again";
            return Err(Error::new(ErrorKind::Unsupported, "reset", message));
        }
        if !self.readers.rewind(reader, Lane::WHOLE, epoch) {
            return Ok(Applied::Fenced);
        }
        table.clear();
        Ok(Applied::Done)
    }
}

impl Tables {
    /// Writes all rows, or none.
    fn project_all(&mut self, writes: Vec<ProjectionWrite>) -> Result<(), Error> {
        let mut done: Vec<(ProjectionWrite, Option<Row>)> = Vec::new();
        for mut write in writes {
            let row = write.values.take().map(|values| Row {
                version: write.revision,
                values,
                system: BTreeMap::new(),
            });
            match self.project(&write, row) {
                Ok(before) => done.push((write, before)),
                Err(error) => {
                    for (write, before) in done.into_iter().rev() {
                        self.project(&write, before)
                            .expect("undone backwards, every row finds its unique keys free");
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn project(&mut self, write: &ProjectionWrite, row: Option<Row>) -> Result<Option<Row>, Error> {
        self.get_mut(write.table)?.replace(&write.tenant, &write.key, row)
    }
}
