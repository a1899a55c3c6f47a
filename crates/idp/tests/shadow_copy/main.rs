//! A copy of every committed event is kept beside the log while writers commit, readers read at
//! different speeds, one stops for a while, a tenant is paused, holds come and go, and keepers archive
//! and purge as fast as they can. At many moments, and in the end: what is not in the log any more is in
//! the archive, as it was committed, and every reader had it; and every reader gets everything once, in
//! order. Stores and archives with a deliberate bug are convicted by the same checks.

mod actors;
mod filling;
mod moment;
mod reader;
mod run;
mod sabotage;
mod shadow;
mod stage;

use run::Run;
use stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_nothing_is_dropped_that_is_not_archived_and_read() {
    Run::new(Stage::postgres().await).perform().await.acquit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_nothing_is_dropped_that_is_not_archived_and_read() {
    Run::new(Stage::sqlite().await).perform().await.acquit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory_nothing_is_dropped_that_is_not_archived_and_read() {
    Run::new(Stage::memory().await).perform().await.acquit();
}
