//! The publication: the inserts of the outbox, and of them only where they stand.

use crate::error::of_query;
use idp_application::{Error, ErrorKind};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Makes the publication if it is missing. Gives its name, which is one for each schema.
pub(crate) async fn ensure(client: &Client) -> Result<String, Error> {
    const NAME: &str = "SELECT 'idp_outbox_' || md5(current_schema()), \
                        current_setting('wal_level')";
    let row = client.query_one(NAME, &[]).await.map_err(of_query)?;
    let (name, wal_level): (String, String) = (row.get(0), row.get(1));
    if wal_level != "logical" {
        let message = format!("`wal_level` must be logical, and is {wal_level}");
        return Err(Error::new(ErrorKind::Unsupported, "watch changes", message));
    }
    if let Some(is_right) = known(client, &name).await? {
        return if is_right { Ok(name) } else { Err(wrong(&name)) };
    }
    // One column is enough to know that something was appended.
    let create = format!(
        "CREATE PUBLICATION \"{name}\" FOR TABLE idp_outbox (position) \
         WITH (publish = 'insert', publish_via_partition_root = true)"
    );
    match client.batch_execute(&create).await {
        Ok(()) => Ok(name),
        // Somebody else was first.
        Err(e) if e.code() == Some(&SqlState::DUPLICATE_OBJECT) => Ok(name),
        Err(e) if e.code() == Some(&SqlState::UNIQUE_VIOLATION) => Ok(name),
        Err(e) => Err(of_query(e)),
    }
}

/// Whether the publication tells of the inserts of the outbox; `None` when there is none. One that was made
/// otherwise, or for a table that is gone, would be silent.
async fn known(client: &Client, name: &str) -> Result<Option<bool>, Error> {
    const KNOWN: &str = "SELECT p.pubinsert AND p.pubviaroot AND (p.puballtables OR EXISTS ( \
            SELECT FROM pg_publication_rel AS r \
             WHERE r.prpubid = p.oid AND r.prrelid = 'idp_outbox'::regclass)) \
        FROM pg_publication AS p WHERE p.pubname = $1";
    let row = client.query_opt(KNOWN, &[&name]).await.map_err(of_query)?;
    Ok(row.map(|row| row.get(0)))
}

fn wrong(name: &str) -> Error {
    let message = format!(
        "the publication `{name}` does not tell of the inserts of `idp_outbox`: drop it, and it is made again"
    );
    Error::new(ErrorKind::Unsupported, "watch changes", message)
}
