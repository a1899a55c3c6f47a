//! The store: opening, reading, committing.

use crate::commit::Plan;
use crate::connection::{Link, open_memory, open_reader, open_writer};
use crate::file_header;
use crate::options::SqliteOptions;
use crate::query;
use crate::readers::Readers;
use crate::writer::Writer;
use idp_application::{
    BoxFuture, ChangeSet, Cost, Error, ErrorKind, Fetched, LaneCount, RowQuery, Store,
};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// An SQLite database as a store of idp.
///
/// Its futures have to be polled on a Tokio runtime. Dropping the store waits until what was handed
/// over to it is written.
pub struct SqliteStore {
    pub(crate) readers: Readers,
    pub(crate) writer: Writer,
    pub(crate) lanes: LaneCount,
}

impl SqliteStore {
    /// Opens a file, and makes it where there is none. Several stores and processes on one machine
    /// may open the same file; a network file system will not do.
    ///
    /// Fails when the settings are wrong, when the file cannot be opened or belongs to another
    /// application or a build with another layout, and when its tables were made with another number of lanes.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, Error> {
        options.validate().map_err(|e| Error::new(ErrorKind::Invalid, "open", e.to_string()))?;
        // SQLite takes some relative names for something else than a path.
        let path = std::path::absolute(path.as_ref()).map_err(|e| {
            Error::new(ErrorKind::Invalid, "open", "the path is empty").with_source(e)
        })?;
        let writer = open_writer(&path, &options)?;
        file_header::check(&writer, options.lanes)?;
        let readers = (0..options.readers).map(|_| open_reader(&path, &options).map(link));
        let readers = readers.collect::<Result<_, _>>()?;
        Self::start(link(writer), readers, &options)
    }

    /// An empty database in memory, gone with the store. Reads and writes take turns on one
    /// connection.
    pub fn in_memory() -> Result<Self, Error> {
        let options = SqliteOptions::default();
        let connection = link(open_memory(&options)?);
        Self::start(Arc::clone(&connection), vec![connection], &options)
    }

    fn start(writer: Link, readers: Vec<Link>, options: &SqliteOptions) -> Result<Self, Error> {
        let group_max = usize::try_from(options.group_max).unwrap_or(usize::MAX);
        Ok(Self {
            readers: Readers::new(readers),
            writer: Writer::start(writer, group_max)?,
            lanes: options.lanes,
        })
    }
}

fn link(connection: rusqlite::Connection) -> Link {
    Arc::new(Mutex::new(connection))
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("lanes", &self.lanes).finish_non_exhaustive()
    }
}

impl Store for SqliteStore {
    fn fetch(&self, query: RowQuery) -> BoxFuture<'_, Result<Fetched, Error>> {
        Box::pin(async move {
            if query::is_by_key(&query) {
                self.readers.here(|connection| query::fetch(connection, &query)).await
            } else {
                self.readers.aside(move |connection| query::fetch(connection, &query)).await
            }
        })
    }

    fn count(&self, query: RowQuery) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.readers.aside(move |connection| query::count(connection, &query)))
    }

    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
        Box::pin(async move {
            let plan = Plan::of(changes, self.lanes)?;
            self.writer.run("commit", move |connection| plan.write(connection)).await
        })
    }
}
