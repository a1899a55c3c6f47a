//! The stores that the service runs on. Each test gets one of its own, with nothing in it.

use crate::client::Client;
use idp::memory::MemoryStore;
use idp::postgres::{PgOptions, PgStore};
use idp::sqlite::{SqliteOptions, SqliteStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// Runs each of the tests on every store.
macro_rules! on_every_store {
    ($($test:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::stores::in_memory().await).await;
            })+
        }

        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                let (client, _folder) = $crate::stores::on_sqlite().await;
                super::$test(client).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::stores::on_postgres().await).await;
            })+
        }
    };
}

pub(crate) use on_every_store;

pub(crate) async fn in_memory() -> Client {
    Client::over(Arc::new(MemoryStore::default())).await
}

/// The folder goes when it is dropped.
pub(crate) async fn on_sqlite() -> (Client, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("plans.db");
    let store = SqliteStore::open(file, SqliteOptions::default()).expect("a new file");
    (Client::over(Arc::new(store)).await, folder)
}

/// On the server that `IDP_TEST_PG` names.
pub(crate) async fn on_postgres() -> Client {
    let server = std::env::var("IDP_TEST_PG")
        .expect("IDP_TEST_PG names no server: run `cargo xtask test`, which starts one");
    let url = new_database(&server).await;
    let store = PgStore::connect(&url, PgOptions::default()).await.expect("the server answers");
    Client::over(Arc::new(store)).await
}

/// The URL of an empty database on that server.
pub(crate) async fn new_database(server: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("route_planning_{}_{number}", std::process::id());
    let (client, connection) = tokio_postgres::connect(server, NoTls).await.expect("a server");
    let connection = tokio::spawn(connection);
    for statement in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
        client.batch_execute(&format!("{statement} {name}")).await.expect("a superuser");
    }
    drop(client);
    connection.await.expect("no panic").expect("no failure");
    let (start, parameters) = server.split_once('?').map_or((server, ""), |(s, p)| (s, p));
    let (host, _) = start.rsplit_once('/').expect("the URL names a database");
    let separator = if parameters.is_empty() { "" } else { "?" };
    format!("{host}/{name}{separator}{parameters}")
}
