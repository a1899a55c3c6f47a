//! An operator at a terminal, and a database of each kind.

use crate::process::{PATIENCE, Process, Running, import, server};
use crate::program::program;
use crate::stores::new_database;
use idp::application::Backend;
use idp::postgres::{PgOptions, PgStore};
use idp::sqlite::{SqliteOptions, SqliteStore};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// Runs each of the tests on an SQLite file and on PostgreSQL.
macro_rules! on_each_database {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::operator::Site::on_sqlite().await).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::operator::Site::on_postgres().await).await;
            })+
        }
    };
}

pub(crate) use on_each_database;

/// A database, and what is set.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) backend: Arc<dyn Backend>,
    variables: Vec<(&'static str, String)>,
}

impl Site {
    pub(crate) async fn on_postgres() -> Self {
        let url = new_database(&server("IDP_TEST_PG")).await;
        let store = PgStore::connect(&url, PgOptions::default()).await.expect("it answers");
        Self::over(folder(), url, Arc::new(store))
    }

    /// As [`on_postgres`](Self::on_postgres), and as async as that.
    pub(crate) async fn on_sqlite() -> Self {
        let folder = folder();
        let file = folder.path().join("plans.db");
        let store = SqliteStore::open(&file, SqliteOptions::default()).expect("a new file");
        Self::over(folder, format!("sqlite:{}", file.display()), Arc::new(store))
    }

    fn over(folder: TempDir, url: String, backend: Arc<dyn Backend>) -> Self {
        Self { folder, backend, variables: vec![("ROUTE_PLANNING__DATABASE__URL", url)] }
    }

    pub(crate) fn set(&mut self, variable: &'static str, value: impl Into<String>) {
        self.variables.push((variable, value.into()));
    }

    /// What is set.
    pub(crate) fn variables(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// The plans of Solomon's instance, of which there are 10.
    pub(crate) async fn import_ten(&self, tenant: &str) {
        import(&self.folder, &self.variables(), "C101.txt", "C101.sol", tenant).await;
    }

    /// The plans of a small instance, of which there are 5.
    pub(crate) async fn import_five(&self, tenant: &str) {
        import(&self.folder, &self.variables(), "A-n32-k5.vrp", "A-n32-k5.sol", tenant).await;
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Process {
        Process::start(&self.folder, arguments, &self.variables())
    }

    /// Types a command that is not waited for.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Running {
        let mut command = program(&self.folder);
        command.args(arguments).envs(self.variables());
        Running::start(command)
    }

    /// Types a command, with that on the standard input.
    pub(crate) async fn type_with(&self, arguments: &[&str], input: &str) -> Output {
        self.begin(arguments).ended(input).await
    }

    /// What a command tells that gets done.
    pub(crate) async fn done(&self, arguments: &[&str]) -> String {
        let done = self.type_with(arguments, "").await;
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        String::from_utf8(done.stdout).expect("text")
    }

    /// As [`done`](Self::done), by Ann for that reason.
    pub(crate) async fn signed(&self, arguments: &[&str], why: &str) -> String {
        self.done(&[arguments, &["--by", "ann", "--why", why]].concat()).await
    }

    /// Why a command is refused.
    pub(crate) async fn refused(&self, arguments: &[&str]) -> String {
        let done = self.type_with(arguments, "").await;
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {done:?}");
        String::from_utf8(done.stderr).expect("text")
    }

    /// As [`refused`](Self::refused), by Ann.
    pub(crate) async fn refused_signed(&self, arguments: &[&str]) -> String {
        self.refused(&[arguments, &["--by", "ann", "--why", "a test"]].concat()).await
    }

    /// Ends when what the command tells is so, and tells it.
    pub(crate) async fn until(&self, arguments: &[&str], is_so: impl Fn(&str) -> bool) -> String {
        let mut last = None;
        let asking = async {
            loop {
                let done = self.type_with(arguments, "").await;
                let told = String::from_utf8(done.stdout.clone()).expect("text");
                if done.status.success() && is_so(&told) {
                    return told;
                }
                last = Some(done);
                sleep(Duration::from_millis(50)).await;
            }
        };
        let told = timeout(PATIENCE, asking).await;
        told.unwrap_or_else(|_| panic!("{arguments:?} still tells {last:?}"))
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
