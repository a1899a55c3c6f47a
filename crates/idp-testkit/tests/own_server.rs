//! Servers of a test's own: how they begin, and that they end.
#![cfg(unix)]

use idp_testkit::OwnServer;
use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(60);

/// Says to a process that a test starts from its own program what it is to do.
const ROLE: &str = "OWN_SERVER_ROLE";
/// Where it listens.
const PORT: &str = "OWN_SERVER_PORT";

fn script(script: &str) -> OwnServer {
    let mut server = OwnServer::new("the script", "sh");
    server.command().args(["-c", script]);
    server
}

/// Something that can only be seen later.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, looking).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

fn says(server: &OwnServer, text: &str) -> impl AsyncFnMut() -> bool + use<> {
    let (log, text) = (server.log_path(), text.to_owned());
    async move || fs::read_to_string(&log).expect("there is a log").contains(&text)
}

/// Why the server was given up.
async fn given_up(mut server: OwnServer, time_max: Duration) -> String {
    let starting = tokio::spawn(async move { server.start(time_max, async || false).await });
    let panic = starting.await.expect_err("it is never ready").into_panic();
    panic.downcast_ref::<String>().expect("a text").clone()
}

#[tokio::test]
async fn a_server_that_ends_at_once_is_given_up_with_the_end_of_its_log() {
    let why = given_up(script("echo the port is taken; exit 1"), SOON).await;
    assert!(why.contains("the script ended 4 times before it was ready"), "{why}");
    assert_eq!(why.matches("the port is taken").count(), 4, "{why}");
}

#[tokio::test]
async fn a_server_that_is_not_ready_in_time_is_given_up_with_the_end_of_its_log() {
    let why = given_up(script("echo warming up; exec sleep 600"), Duration::from_secs(1)).await;
    assert!(why.contains("was not ready within 1s"), "{why}");
    assert_eq!(why.matches("warming up").count(), 1, "{why}");
}

#[tokio::test]
async fn a_server_that_fails_at_first_is_started_again() {
    let mut server = script("[ -e failed ] || { touch failed; exit 1; }; echo up; exec sleep 600");
    let is_up = says(&server, "up");
    server.start(SOON, is_up).await;
    assert!(server.runs());
}

#[tokio::test]
async fn a_server_that_was_killed_starts_again_on_its_data_and_ports() {
    let mut server = script("echo $$ >>starts; echo start $(wc -l <starts); exec sleep 600");
    let (folder, ports) = (server.folder().to_owned(), [0, 7].map(|index| server.port(index)));
    let (first, second) = (says(&server, "start 1"), says(&server, "start 2"));
    server.start(SOON, first).await;
    server.kill();
    assert!(!server.runs());
    server.start(SOON, second).await;
    assert_eq!((server.folder(), [0, 7].map(|index| server.port(index))), (&*folder, ports));
    drop(server);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_server_is_asked_to_end_before_it_is_killed() {
    let mut server = script("trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.1; done");
    let is_up = says(&server, "up");
    server.start(SOON, is_up).await;
    server.terminate(SOON);
    assert!(says(&server, "asked")().await);
}

#[tokio::test]
async fn a_server_that_does_not_end_when_it_is_asked_to_is_killed() {
    let mut server = script("trap '' TERM; echo up; while :; do sleep 0.1; done");
    let is_up = says(&server, "up");
    server.start(SOON, is_up).await;
    server.terminate(Duration::from_millis(100));
    assert!(!server.runs());
}

#[tokio::test]
async fn what_is_run_beside_a_server_must_succeed_in_time() {
    let mut server = script("echo up; exec sleep 600");
    let is_up = says(&server, "up");
    server.start(SOON, is_up).await;
    let run = |script: &str, time_max| {
        let mut command = Command::new("sh");
        let running = || server.run(command.args(["-c", script]), time_max);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(running))
            .map_err(|panic| panic.downcast_ref::<String>().expect("a text").clone())
    };
    run("[ -e server.log ]", SOON).expect("it succeeds, in the folder");
    let why = run("echo no such node >&2; exit 1", SOON).expect_err("it fails");
    assert!(why.contains("failed") && why.contains("no such node"), "{why}");
    let why = run("exec sleep 600", Duration::from_millis(100)).expect_err("it takes too long");
    assert!(why.contains("took too long"), "{why}");
}

#[test]
fn two_servers_share_neither_folder_nor_ports() {
    let [one, other] = [(); 2].map(|()| OwnServer::new("nothing", "true"));
    assert_ne!(one.folder(), other.folder());
    assert!(one.port(0).abs_diff(other.port(0)) >= 8);
}

/// The test is started from its own program, which then has a server that is that program again.
#[tokio::test]
async fn a_server_and_its_folder_do_not_outlive_a_killed_test() {
    match std::env::var(ROLE).as_deref() {
        Ok("server") => listen(),
        Ok(_) => have_a_server().await,
        Err(_) => kill_who_has_a_server().await,
    }
}

fn this_test(command: &mut Command, role: &str) {
    let name = "a_server_and_its_folder_do_not_outlive_a_killed_test";
    command.args(["--exact", name, "--nocapture"]).env(ROLE, role);
}

fn program() -> PathBuf {
    std::env::current_exe().expect("it runs")
}

fn listen() {
    let port: u16 = std::env::var(PORT).expect("set").parse().expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("it is free");
    let clients: Vec<_> = listener.incoming().collect();
    panic!("no more clients than {}", clients.len());
}

async fn have_a_server() {
    let mut server = OwnServer::new("the test", program());
    let port = server.port(0);
    server.command().env(PORT, port.to_string());
    this_test(server.command(), "server");
    server.start(SOON, async || TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
    let killed = timeout(2 * SOON, std::future::pending::<()>()).await;
    killed.expect("it is killed before");
}

async fn kill_who_has_a_server() {
    let place = tempfile::tempdir().expect("a folder");
    let mut test = Command::new(program());
    this_test(&mut test, "test");
    let mut test = test.env("TMPDIR", place.path()).spawn().expect("it runs");
    let (folder, mut client) = until("a server", || connection(place.path())).await;
    test.kill().expect("it runs");
    test.wait().expect("it is ours");
    // Nothing comes, and then the connection ends, or is reset.
    client.set_read_timeout(Some(SOON)).expect("not zero");
    let end = client.read(&mut [0]);
    let is_alive = matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!is_alive, "the server outlives its test: {end:?}");
    until("the folder to go", || (!folder.exists()).then_some(())).await;
}

/// To the server that has its folder there. The folder has the name of its first port.
fn connection(place: &Path) -> Option<(PathBuf, TcpStream)> {
    let folder = fs::read_dir(place).ok()?.next()?.ok()?.path();
    let port = folder.file_name()?.to_str()?.strip_prefix("idp-server-")?.parse().ok()?;
    Some((folder, TcpStream::connect(("127.0.0.1", port)).ok()?))
}
