//! Connections to the file, set up alike.

use crate::error::{is_busy, translate};
use crate::options::SqliteOptions;
use idp_application::{Error, ErrorKind};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A connection that threads take turns with.
pub(crate) type Link = Arc<Mutex<Connection>>;

/// More shapes of statements than an application of a hundred tables has in daily use.
const STATEMENTS_CACHED: usize = 512;

/// After a burst the write-ahead log is cut back to this many bytes.
const WAL_KEPT_MAX: u32 = 64 * 1024 * 1024;

const RETRY_PAUSE: Duration = Duration::from_millis(1);

/// The connection that writes. Makes the file where there is none.
pub(crate) fn open_writer(path: &Path, options: &SqliteOptions) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, options)?;
    let mode = write_ahead(&connection, options).map_err(|e| translate("open", e))?;
    if mode != "wal" {
        let message = format!("the file system has no write-ahead log, only `{mode}`");
        return Err(Error::new(ErrorKind::Unsupported, "open", message));
    }
    connection
        .execute_batch(&format!("PRAGMA journal_size_limit = {WAL_KEPT_MAX}"))
        .map_err(|e| translate("open", e))?;
    Ok(connection)
}

/// Turns the write-ahead log on, for good, and tells which journal the file has now. Where several
/// do that to a new file at the same moment SQLite makes all but one fail instead of wait.
fn write_ahead(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<String> {
    let started = Instant::now();
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        match mode {
            Err(error) if is_busy(&error) && started.elapsed() < options.busy_timeout => {
                thread::sleep(RETRY_PAUSE);
            }
            result => return result,
        }
    }
}

/// A connection that only reads.
pub(crate) fn open_reader(path: &Path, options: &SqliteOptions) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, options)?;
    connection.execute_batch("PRAGMA query_only = ON").map_err(|e| translate("open", e))?;
    Ok(connection)
}

/// The one connection to a database in memory.
pub(crate) fn open_memory(options: &SqliteOptions) -> Result<Connection, Error> {
    let connection = Connection::open_in_memory().map_err(|e| translate("open", e))?;
    set_up(&connection, options).map_err(|e| translate("open", e))?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags, options: &SqliteOptions) -> Result<Connection, Error> {
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
        set_up(&connection, options)?;
        Ok(connection)
    });
    opened.map_err(|e| {
        let error = translate("open", e);
        let message = format!("{}: {}", path.display(), error.message());
        Error::new(error.kind(), "open", message).with_source(error)
    })
}

fn set_up(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.busy_timeout(options.busy_timeout)?;
    // Else a statement is planned anew whenever a limit that is bound to it has changed.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let synchronous = options.durability.synchronous();
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY"
    ))
}
