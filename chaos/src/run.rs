//! A run: lets faults happen to a working system, and gives the verdict.

use crate::aftermath;
use crate::check::{Record, check};
use crate::failure::Outcome;
use crate::nemesis::{Seen, inject};
use crate::report;
use crate::request::Request;
use crate::scene::Scene;
use crate::summary;
use idp_testkit::{Dice, Outcome as Fate};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const BETWEEN_FAULTS: Duration = Duration::from_millis(500);

/// What the command does. What a failed run recorded is kept, with the command that asks for it again.
pub(crate) async fn run(args: &[String]) -> Outcome {
    let request = Request::parse(args)?;
    let command = request.command();
    println!("{command}");
    let folder = tempfile::Builder::new().prefix("idp-chaos-").tempdir()?.keep();
    match attempt(request, folder.clone()).await {
        Ok(()) => Ok(std::fs::remove_dir_all(folder)?),
        Err(error) => Err(keep(&folder, &command, &error.to_string()).into()),
    }
}

fn keep(folder: &Path, command: &str, error: &str) -> String {
    let note = std::fs::write(folder.join("command"), format!("{command}\n{error}\n"));
    let note = note.map_or_else(|error| format!(" ({error})"), |()| String::new());
    format!("{error}\nthe histories are in {}{note}; again with `{command}`", folder.display())
}

async fn attempt(request: Request, folder: PathBuf) -> Outcome {
    let dice = Dice::seeded(request.seed);
    let mut scene = Scene::set(request.clone(), folder).await?;
    scene.fill()?;
    scene.wait_until_relays_work().await?;
    let seen = let_faults_happen(&request, &mut scene, &dice).await?;
    verdict(&aftermath::settle(scene).await?, &seen)
}

/// Each once, or again and again until the time is over. What would take longer than is left is passed
/// over, if only something was done.
async fn let_faults_happen(
    request: &Request,
    scene: &mut Scene,
    dice: &Dice,
) -> Outcome<Vec<Seen>> {
    let deadline = request.long.map(|time| Instant::now() + time);
    let has_time_for = |time: Duration| deadline.is_none_or(|end| Instant::now() + time <= end);
    let mut seen: Vec<Seen> = Vec::new();
    loop {
        let done = seen.len();
        let mut faults = request.faults.clone();
        if request.long.is_some() {
            shuffle(&mut faults, dice);
        }
        for fault in faults {
            if seen.is_empty() || has_time_for(fault.lasts_about(request)) {
                sleep(BETWEEN_FAULTS).await;
                seen.extend(inject(fault, scene, dice).await?.inspect(show));
            }
        }
        if seen.is_empty() {
            return Err("none of the faults can be done on this machine".into());
        }
        if request.long.is_none() || seen.len() == done {
            return Ok(seen);
        }
    }
}

fn show(seen: &Seen) {
    println!(
        "{:22} {:5.1} s, recovered after {:4.1} s{}",
        seen.fault.name(),
        seen.lasted.as_secs_f32(),
        seen.recovered.as_secs_f32(),
        if seen.left == 0 { "" } else { ": NOT RECOVERED" },
    );
}

fn shuffle<T>(list: &mut [T], dice: &Dice) {
    for at in (1..list.len()).rev() {
        list.swap(at, dice.place(at + 1));
    }
}

fn verdict(record: &Record, seen: &[Seen]) -> Outcome {
    let count = |fate| summary::fates(&record.plain.lines, fate);
    let (committed, rolled_back) = (count(Fate::Committed), count(Fate::RolledBack));
    println!(
        "\n{committed} commits, {rolled_back} rolled back; {} events in the log; {} has stored {}\n",
        record.log.len(),
        record.bus.name(),
        record.found.len(),
    );
    let findings = check(record);
    report::print(record, seen, &findings);
    summary::leave(record, seen, &findings)?;
    if committed == 0 || rolled_back == 0 {
        return Err("the writers did not do their work, so nothing is shown".into());
    }
    match findings.len() {
        0 => Ok(()),
        count => Err(format!("{count} findings against the guarantees").into()),
    }
}
