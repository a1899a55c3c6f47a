//! What a file says about itself: whose it is, of which layout, and into how many lanes its outbox
//! is divided.

use crate::error::translate;
use idp_application::{Error, ErrorKind, LaneCount};
use rusqlite::{Connection, OptionalExtension};

/// `idp1` in ASCII: `PRAGMA application_id` of a file of this store.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"idp1");

/// How the file tells what its tables are: `PRAGMA user_version`. Since 2 the framework's own tables
/// are on file as all others are, so that no change of them needs another number; files of layout 1
/// are from before the first release, and there are several shapes of them.
const LAYOUT: i32 = 2;

/// Fails when the file belongs to another application, was made by a build with another layout, or has
/// another number of lanes. A file that is new passes.
pub(crate) fn check(connection: &Connection, lanes: LaneCount) -> Result<(), Error> {
    let failed = |e| translate("open", e);
    let owner: i32 = pragma(connection, "application_id").map_err(failed)?;
    let invalid = |message: String| Err(Error::new(ErrorKind::Invalid, "open", message));
    if owner != 0 && owner != APPLICATION_ID {
        return invalid(format!("the file belongs to another application (id {owner:#010x})"));
    }
    let layout: i32 = pragma(connection, "user_version").map_err(failed)?;
    if owner == APPLICATION_ID && layout > LAYOUT {
        return invalid(format!(
            "the file has layout {layout}, made by a newer build; this one knows {LAYOUT}"
        ));
    }
    if owner == APPLICATION_ID && layout < LAYOUT {
        return invalid(format!(
            "the file has layout {layout}, made by an older build, and this one knows {LAYOUT} only; \
             let the older build drain it, and begin a new one"
        ));
    }
    match lanes_of(connection).map_err(failed)?.filter(|made| *made != i64::from(lanes.get())) {
        None => Ok(()),
        Some(made) => invalid(format!(
            "SqliteOptions.lanes must be {made}, with which the tables were made, got {}",
            lanes.get()
        )),
    }
}

/// Whether nobody has marked the file yet.
pub(crate) fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    pragma(connection, "application_id").map(|owner| owner != APPLICATION_ID)
}

/// Marks the file, as part of the transaction that is open.
pub(crate) fn mark(connection: &Connection, lanes: LaneCount) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {LAYOUT}"
    ))?;
    connection.execute("INSERT INTO idp_meta (lanes) VALUES (?1)", [lanes.get()])?;
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i32> {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
}

fn lanes_of(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    const EXISTS: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'idp_meta'";
    if connection.query_row(EXISTS, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    connection.query_row("SELECT lanes FROM idp_meta", [], |row| row.get(0)).optional()
}
