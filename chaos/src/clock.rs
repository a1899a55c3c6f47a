//! Wall clocks that are stepped, and the one place of this crate that reads one: relays must not
//! care, and this is to show that their clocks were stepped indeed.

use crate::failure::Outcome;
use crate::journal::{Line, Mark, append};
use crate::place::{Place, Target};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep};

/// `cargo xtask` says here what to load for clocks that are stepped.
const LIBRARY: &str = "IDP_FAKETIME";
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// A smaller difference is that of two readings.
const STEP_SECONDS_MIN: i64 = 5;

/// Whether this machine can step the clocks of processes.
pub(crate) fn can_be_stepped() -> bool {
    std::env::var_os(LIBRARY).is_some()
}

/// Lets a process go by the clock of the relays, whose monotonic clock stays.
pub(crate) fn rule(place: &Place, process: &mut Command) -> Outcome {
    let Some(library) = std::env::var_os(LIBRARY) else { return Ok(()) };
    if !file(place).exists() {
        set(place, 0)?;
    }
    process.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", file(place));
    process.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_CACHE_DURATION", "1");
    Ok(())
}

/// The clock of the relays shows so many seconds more than that of the machine from now on.
pub(crate) fn set(place: &Place, seconds: i64) -> Outcome {
    let whole = file(place).with_extension("new");
    std::fs::write(&whole, format!("{seconds:+}\n"))?;
    Ok(std::fs::rename(whole, file(place))?)
}

/// Removes what the library leaves behind of a process that was killed.
pub(crate) fn forget(process: u32) {
    for name in ["faketime_shm", "sem.faketime_sem"] {
        // There is nothing if it could clean up.
        let _ = std::fs::remove_file(format!("/dev/shm/{name}_{process}"));
    }
}

fn file(place: &Place) -> PathBuf {
    place.folder.join("clock")
}

/// Within a relay process: notes in the history each step of the wall clock against the monotonic
/// one.
pub(crate) async fn watch(place: Place) -> Outcome {
    let start = Instant::now();
    let mut known = difference(start)?;
    loop {
        sleep(LOOK_INTERVAL).await;
        let now = difference(start)?;
        let seconds = now - known;
        if seconds.abs() >= STEP_SECONDS_MIN {
            known = now;
            let mark = Mark::ClockStepped { process: place.process, seconds };
            append(&place.history(Target::Plain), &Line::Mark { mark })?;
        }
    }
}

/// Of the two clocks, in seconds.
fn difference(start: Instant) -> Outcome<i64> {
    #[expect(clippy::disallowed_methods, reason = "this is about the wall clock")]
    let wall = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(wall.as_secs())? - i64::try_from(start.elapsed().as_secs())?)
}
