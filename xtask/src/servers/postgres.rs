//! PostgreSQL, durable like a real one (`fsync` stays on), because the tests ask what a commit costs
//! and what a crash leaves; ready for logical replication.

mod binaries;

use std::process::Command;
use std::time::Duration;

use super::account::Account;
use super::home::Home;
use super::kind::{Kind, Recipe};
use super::patience::Patience;
use crate::interrupt::Running;
use crate::outcome::Outcome;
use crate::process;
use binaries::Binaries;

/// SIGQUIT is the shutdown without a last checkpoint; a kill would leave shared memory behind.
pub(crate) const KIND: Kind = Kind {
    name: "pg",
    title: "PostgreSQL",
    variables: &["IDP_TEST_PG"],
    start_timeout: Duration::from_secs(60),
    stop_signal: "QUIT",
    find_or_install,
};

const ROLE: &str = "idp";

const SETTINGS: [&str; 8] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "max_connections=300",
    "timezone=UTC",
    "wal_level=logical",
    "max_wal_senders=40",
    "max_replication_slots=40",
];

struct Postgres {
    binaries: Binaries,
    account: Account,
}

fn find_or_install(patience: &Patience) -> Outcome<Box<dyn Recipe>> {
    let binaries = Binaries::find_or_install(patience)?;
    Ok(Box::new(Postgres { binaries, account: Account::choose()? }))
}

impl Recipe for Postgres {
    fn prepare(&self, home: &Home) -> Outcome<Command> {
        if !home.path("data").exists() {
            self.account.own(home.folder())?;
            self.create_cluster(home)?;
        }
        let mut command = home.daemon(&self.binaries.path("postgres"))?;
        command.arg("-D").arg(home.path("data")).args(["-p", &home.port(0).to_string()]);
        SETTINGS.iter().for_each(|setting| {
            command.args(["-c", setting]);
        });
        self.account.run_as(&mut command);
        Ok(command)
    }

    fn is_ready(&self, home: &Home) -> bool {
        let mut probe = Command::new(self.binaries.path("pg_isready"));
        process::succeeds(probe.args(["-q", "-h", "127.0.0.1", "-p", &home.port(0).to_string()]))
    }

    fn addresses(&self, home: &Home) -> Vec<String> {
        vec![format!("postgres://{ROLE}:{ROLE}@127.0.0.1:{}/postgres", home.port(0))]
    }
}

impl Postgres {
    /// The C locale makes text order the same on every machine. Everyone on this machine may log
    /// in, as the password is in the source anyway.
    fn create_cluster(&self, home: &Home) -> Outcome {
        let mut initdb = Command::new(self.binaries.path("initdb"));
        initdb.args(["--username", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        initdb.args(["--no-sync", "--no-instructions", "--pgdata"]).arg(home.path("data"));
        self.account.run_as(home.equip(&mut initdb)?);
        let status = Running::spawn(&mut initdb)?.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(format!("initdb failed ({status}); it says:\n{}", home.end_of_log()))
    }
}
