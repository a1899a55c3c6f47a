//! A run: lets faults happen to a working system, and gives the verdict.

use crate::aftermath;
use crate::check::{Record, check};
use crate::failure::Outcome;
use crate::journal::Line;
use crate::nemesis::inject;
use crate::request::Request;
use crate::scene::Scene;
use idp_testkit::{Dice, Entry, Outcome as Fate};
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const FINDINGS_SHOWN: usize = 30;
const BETWEEN_FAULTS: Duration = Duration::from_millis(500);

/// What the command does.
pub(crate) async fn run(args: &[String]) -> Outcome {
    let request = Request::parse(args)?;
    println!("seed {}", request.seed);
    let folder = tempfile::Builder::new().prefix("idp-chaos-").tempdir()?.keep();
    match attempt(request, folder.clone()).await {
        Ok(()) => Ok(std::fs::remove_dir_all(folder)?),
        Err(error) => Err(format!("{error}\nthe histories are in {}", folder.display()).into()),
    }
}

async fn attempt(request: Request, folder: PathBuf) -> Outcome {
    let dice = Dice::seeded(request.seed);
    let mut scene = Scene::set(request.clone(), folder).await?;
    scene.fill()?;
    for process in scene.relays_running() {
        scene.wait_until_it_works(process).await?;
    }
    let deadline = request.long.map(|time| Instant::now() + time);
    loop {
        let mut faults = request.faults.clone();
        if deadline.is_some() {
            shuffle(&mut faults, &dice);
        }
        for fault in faults {
            sleep(BETWEEN_FAULTS).await;
            inject(fault, &mut scene, &dice).await?;
        }
        if deadline.is_none_or(|deadline| Instant::now() > deadline) {
            break;
        }
    }
    verdict(&aftermath::settle(scene).await?)
}

fn shuffle<T>(list: &mut [T], dice: &Dice) {
    for at in (1..list.len()).rev() {
        list.swap(at, dice.place(at + 1));
    }
}

fn verdict(record: &Record) -> Outcome {
    let mut known = HashSet::new();
    let again =
        record.plain.lines.iter().filter(
            |line| matches!(line, Line::Entry(Entry::Delivery(d)) if !known.insert(d.event)),
        );
    println!(
        "{} events in the log; at the plain bus {} messages arrived again; the broker has {}",
        record.log.len(),
        again.count(),
        record.broker.len(),
    );
    let fates = |fate| {
        let lines = record.plain.lines.iter();
        lines.filter(|l| matches!(l, Line::Entry(Entry::Intent(i)) if i.outcome == fate)).count()
    };
    let (committed, rolled_back) = (fates(Fate::Committed), fates(Fate::RolledBack));
    println!("{committed} commits, {rolled_back} rolled back");
    if committed == 0 || rolled_back == 0 {
        return Err("the writers did not do their work, so nothing is shown".into());
    }
    let findings = check(record);
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => Err(format!("{count} findings against the guarantees").into()),
    }
}
