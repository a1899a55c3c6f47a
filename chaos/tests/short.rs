//! The short form of the run, on servers of its own, in the normal run of the tests.

use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(900);
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(60);

#[test]
fn relays_keep_every_promise_under_each_fault() {
    let xtask = std::env::var_os("IDP_XTASK")
        .expect("IDP_XTASK names no program that starts servers: run `cargo xtask test -p chaos`");
    let mut run = Command::new(xtask)
        .args(["servers", "--own", "--only", "pg,nats", "--", env!("CARGO_BIN_EXE_chaos")])
        .spawn()
        .expect("xtask can be started");
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = run.try_wait().expect("it can be waited for") {
            break status;
        }
        if Instant::now() > deadline {
            // Asked politely, it ends the servers and the processes of the run.
            let _ = Command::new("kill").args(["-s", "TERM", &run.id().to_string()]).status();
            let deadline = Instant::now() + PATIENCE_AT_THE_END;
            while run.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(100));
            }
            let _ = run.kill();
            panic!("the run has not ended in {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(status.success(), "its output says what went wrong");
}
