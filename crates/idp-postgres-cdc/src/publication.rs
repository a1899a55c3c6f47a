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
    const EXISTS: &str = "SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)";
    let exists: bool = client.query_one(EXISTS, &[&name]).await.map_err(of_query)?.get(0);
    if exists {
        return Ok(name);
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
