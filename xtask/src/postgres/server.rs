//! A throw-away PostgreSQL server on a free port of this machine, stopped and removed when the
//! value goes.
//!
//! It is durable like a real one (`fsync` stays on), because the tests ask what a commit costs and
//! what a crash leaves. Servers that were here before, such as Debian's cluster on 5432, are
//! neither used nor touched.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::account::Account;
use super::binaries::Binaries;
use super::home::Home;
use super::watchdog::Watchdog;
use crate::interrupt::{self, Running};
use crate::outcome::Outcome;
use crate::process;

const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

const ROLE: &str = "idp";

const SETTINGS: [&str; 5] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "max_connections=300",
    "timezone=UTC",
];

/// The fields go in this order: first the server stops, then its folder is removed, then the
/// watchdog may leave.
pub(crate) struct Server {
    postmaster: Postmaster,
    home: Home,
    port: u16,
    _watchdog: Watchdog,
}

impl Server {
    /// Returns when the server takes connections.
    pub(crate) fn start() -> Outcome<Self> {
        let binaries = Binaries::find_or_install()?;
        let account = Account::choose()?;
        let port = free_port()?;
        let home = Home::create(port, &account)?;
        let watchdog = Watchdog::over(&home)?;
        create_cluster(&binaries, &account, &home)?;
        let postmaster = Postmaster::spawn(&binaries, &account, &home, port)?;
        let mut server = Server { postmaster, home, port, _watchdog: watchdog };
        server.wait_until_ready(&binaries)?;
        eprintln!("PostgreSQL on port {port}");
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://{ROLE}:{ROLE}@127.0.0.1:{}/postgres", self.port)
    }

    /// Fails if the server has ended by itself.
    pub(crate) fn check(&mut self) -> Outcome {
        match self.postmaster.child.try_wait() {
            Ok(None) => Ok(()),
            _ => Err(format!("PostgreSQL ended; its log says:\n{}", self.home.end_of_log())),
        }
    }

    fn wait_until_ready(&mut self, binaries: &Binaries) -> Outcome {
        let deadline = Instant::now() + START_TIMEOUT;
        let port = self.port.to_string();
        loop {
            interrupt::check()?;
            self.check()?;
            let mut probe = binaries.command("pg_isready");
            if process::succeeds(probe.args(["-q", "-h", "127.0.0.1", "-p", &port])) {
                return self.check();
            }
            if Instant::now() > deadline {
                let log = self.home.end_of_log();
                return Err(format!(
                    "PostgreSQL took no connection in {START_TIMEOUT:?}; its log says:\n{log}"
                ));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

/// The system picks the port; nothing holds it until the server does, which would then fail to
/// start and say so.
fn free_port() -> Outcome<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("there is no free port on 127.0.0.1: {error}"))
}

/// The C locale makes text order the same on every machine. Everyone on this machine may log in, as
/// the password is in the source anyway.
fn create_cluster(binaries: &Binaries, account: &Account, home: &Home) -> Outcome {
    let mut initdb = binaries.command("initdb");
    initdb.args(["--username", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C"]);
    initdb.args(["--no-sync", "--no-instructions", "--pgdata"]).arg(home.data());
    let status = Running::spawn(prepared(&mut initdb, account, home)?)?.wait()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("initdb failed ({status}); it says:\n{}", home.end_of_log()))
}

/// As the account, in the home, without input, writing to the log.
fn prepared<'c>(
    command: &'c mut Command,
    account: &Account,
    home: &Home,
) -> Outcome<&'c mut Command> {
    command.current_dir(home.folder()).stdin(Stdio::null()).stdout(home.log()?).stderr(home.log()?);
    Ok(account.run_as(command))
}

struct Postmaster {
    child: Child,
}

impl Postmaster {
    /// In a group of its own: Ctrl-C ends the tests first, and the server when they are gone.
    fn spawn(binaries: &Binaries, account: &Account, home: &Home, port: u16) -> Outcome<Self> {
        let mut command = binaries.command("postgres");
        command.arg("-D").arg(home.data()).args(["-p", &port.to_string()]).process_group(0);
        SETTINGS.iter().for_each(|setting| {
            command.args(["-c", setting]);
        });
        let child = prepared(&mut command, account, home)?
            .spawn()
            .map_err(|error| process::cannot_start(&command, &error))?;
        Ok(Postmaster { child })
    }

    fn has_ended_by(&mut self, deadline: Instant) -> bool {
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        false
    }
}

impl Drop for Postmaster {
    /// SIGQUIT is the shutdown without a last checkpoint: nobody reads the data again.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        process::signal("QUIT", i64::from(self.child.id()));
        if !self.has_ended_by(Instant::now() + STOP_TIMEOUT) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
