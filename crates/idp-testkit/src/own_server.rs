//! A server that a test has to itself: to kill it, to starve it, to configure it in ways that would
//! trouble others.

mod home;
mod watchdog;

use home::Home;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};
use watchdog::Watchdog;

/// How often it may end before it serves.
const STARTS_MAX: u32 = 4;
/// Before the next start of one that has ended: what a killed one leaves behind may be in its way.
const START_PAUSE: Duration = Duration::from_millis(500);
/// How long one may take to end that was killed.
const KILL_TIME_MAX: Duration = Duration::from_secs(30);
/// Before it is looked again whether it serves, or has ended.
const POLL_PAUSE: Duration = Duration::from_millis(20);

/// A server of a test's own, with a folder, a log and ports.
///
/// It runs in a process group of its own, which ends with this value, and also with the process of
/// the test, however that ends: a shell holds the other end of a pipe, and sees it close. The folder
/// then goes, too. The ports are not those that systems give to outgoing connections and to who asks
/// for any, so no proxy of another test takes one before the server does.
///
/// ```
/// use idp_testkit::OwnServer;
/// use std::time::Duration;
/// # async fn example() {
/// let mut server = OwnServer::new("NATS", "nats-server");
/// let port = server.port(0);
/// server.command().args(["--port", &port.to_string()]);
/// let is_ready = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
/// server.start(Duration::from_secs(30), is_ready).await;
/// server.kill();
/// server.start(Duration::from_secs(30), is_ready).await;
/// # }
/// ```
pub struct OwnServer {
    title: &'static str,
    home: Home,
    command: Command,
    /// The leader of its process group.
    process: Option<Child>,
    watchdog: Watchdog,
}

impl OwnServer {
    /// One that does not run yet. Panics show the title.
    ///
    /// # Panics
    /// When there is no place for its folder, no free port, or no shell.
    pub fn new(title: &'static str, program: impl AsRef<OsStr>) -> Self {
        let home = Home::create();
        let watchdog = Watchdog::over(home.folder());
        let command = home.command(program.as_ref());
        Self { title, home, command, process: None, watchdog }
    }

    /// What [`start`](Self::start) runs, for its arguments and its environment. It runs in the folder,
    /// and what it says is in the log.
    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// For whatever the server keeps.
    pub fn folder(&self) -> &Path {
        self.home.folder()
    }

    /// One of its eight ports of 127.0.0.1.
    ///
    /// # Panics
    /// When the index is 8 or more.
    pub fn port(&self, index: u16) -> u16 {
        self.home.port(index)
    }

    /// The file that what it says is in, that of earlier starts included.
    pub fn log_path(&self) -> PathBuf {
        self.home.log_path()
    }

    /// Starts it, on what it has kept if it ran before, and returns when it runs and is ready. One
    /// that ends before that is started again, a few times.
    ///
    /// # Panics
    /// With the end of the log, when it ends each time, or is not ready in time.
    pub async fn start(&mut self, time_max: Duration, is_ready: impl AsyncFnMut() -> bool) {
        let trouble = match timeout(time_max, self.serve(is_ready)).await {
            Ok(true) => return,
            Ok(false) => format!("ended {STARTS_MAX} times before it was ready"),
            Err(_) => format!("was not ready within {time_max:?}"),
        };
        panic!("{} {trouble}; its log ends with:\n{}", self.title, self.home.end_of_log());
    }

    /// Whether it serves in the end.
    async fn serve(&mut self, mut is_ready: impl AsyncFnMut() -> bool) -> bool {
        for _ in 0..STARTS_MAX {
            // Also what one that ended by itself has left.
            self.kill();
            self.process = Some(self.command.spawn().expect("there is a shell"));
            while self.runs() {
                if is_ready().await && self.runs() {
                    return true;
                }
                sleep(POLL_PAUSE).await;
            }
            sleep(START_PAUSE).await;
        }
        false
    }

    /// Whether it has not ended since it was started.
    pub fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// Ends it as the failure of a machine does, and returns when it has ended. Its data stays.
    ///
    /// # Panics
    /// When it does not end.
    pub fn kill(&mut self) {
        assert!(self.end(), "{} was killed and does not end", self.title);
    }

    /// Asks it to end, as an operator does, and kills what is left of it when it has ended, or has not
    /// in time. Its data stays.
    ///
    /// # Panics
    /// When it does not end.
    pub fn terminate(&mut self, time_max: Duration) {
        if let Some(process) = &mut self.process {
            watchdog::signal("TERM", process.id());
            has_ended(process, time_max);
        }
        self.kill();
    }

    /// Runs a program that tells the server something, to its end. Like the server it does not outlive
    /// the test, and what it says is in the log.
    ///
    /// # Panics
    /// With the end of the log, when it fails, takes too long, or there is no server.
    pub fn run(&self, command: &mut Command, time_max: Duration) {
        let server = self.process.as_ref().expect("the server was started");
        self.home.equip(command).process_group(server.id().cast_signed());
        let mut program = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let is_done = has_ended(&mut program, time_max);
        let outcome = program.try_wait();
        if !matches!(outcome, Ok(Some(status)) if status.success()) {
            let log = self.home.end_of_log();
            let trouble = if is_done { "failed" } else { "took too long" };
            panic!("{command:?} {trouble} ({outcome:?}); the log ends with:\n{log}");
        }
    }

    /// Whether it has ended in time.
    fn end(&mut self) -> bool {
        let Some(mut process) = self.process.take() else { return true };
        watchdog::signal("KILL", process.id());
        // Before it is buried: then the number may be that of others.
        self.home.forget_group();
        has_ended(&mut process, KILL_TIME_MAX)
    }
}

/// First the server ends, then the watchdog removes the folder.
impl Drop for OwnServer {
    fn drop(&mut self) {
        self.end();
        self.watchdog.let_go();
    }
}

impl fmt::Debug for OwnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { title, home, .. } = self;
        f.debug_struct("OwnServer").field("title", title).field("folder", &home.folder()).finish()
    }
}

/// Waits, but not for ever.
fn has_ended(process: &mut Child, time_max: Duration) -> bool {
    let begun = Instant::now();
    loop {
        if !matches!(process.try_wait(), Ok(None)) {
            return true;
        }
        if begun.elapsed() > time_max {
            return false;
        }
        std::thread::sleep(POLL_PAUSE);
    }
}

/// A shell that runs that script with that argument, without output.
fn shell(script: &str, argument: &OsStr) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "idp-own-server"]).arg(argument);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
