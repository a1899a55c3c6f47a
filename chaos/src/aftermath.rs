//! When the faults are over: an operator sees to the parked keys, and everything comes to rest.

use crate::check::Record;
use crate::failure::Outcome;
use crate::journal::{Line, Mark, append};
use crate::place::Target;
use crate::scene::{PATIENCE, Scene};
use crate::stored::{Found, Stored};
use idp_application::{Actor, DeadLetterAction, DeadLetterCommand, DeadLetters, ParkedKey};
use idp_domain::Uuid;
use idp_postgres::PgStore;
use idp_testkit::Entry;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const SIGTERM: i32 = 15;
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Ends the run, and gives what was recorded.
pub(crate) async fn settle(mut scene: Scene) -> Outcome<Record> {
    for mut writer in std::mem::take(&mut scene.writers) {
        writer.signal("TERM")?;
        let status = writer.ended(PATIENCE).await?;
        // One that has just been started does not listen to polite requests yet.
        if !status.success() && status.signal() != Some(SIGTERM) {
            return Err("a writer failed; its words are in processes.log".into());
        }
    }
    let left = scene.drain().await?;
    if left > 0 {
        let fault = "the writers".to_owned();
        scene.mark(Mark::Stuck { fault, left })?;
    }
    see_to_parked_keys(&mut scene).await?;
    for relay in &mut scene.relays {
        if let Some(mut relay) = relay.take() {
            relay.signal("TERM")?;
            let is_graceful = relay.ended(PATIENCE).await?.success();
            let process = relay.number;
            let mark = Mark::Stopped { process, is_graceful };
            append(&scene.place.history(Target::Plain), &Line::Mark { mark })?;
        }
    }
    let log = scene.log().await?;
    let found = read_broker(&mut scene, &log).await?;
    scene.plain.read_on()?;
    scene.picky.read_on()?;
    scene.broker.read_on()?;
    let (plain, picky, broker) = (scene.plain, scene.picky, scene.broker);
    Ok(Record { bus: scene.place.bus, plain, picky, broker, found, log })
}

/// Reads anew from the first message where that can be done: what the broker forgot in a crash is not
/// there.
async fn read_broker(scene: &mut Scene, log: &HashMap<Uuid, Uuid>) -> Outcome<Vec<Found>> {
    if scene.place.bus.keeps_what_was_read() {
        scene.stored = Stored::by(scene.place.bus);
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        scene.stored.try_read_on(&scene.place).await;
        // What is missing in the end is found by the checkers.
        let is_there = log.keys().all(|event| scene.stored.arrived.contains(event));
        if is_there || Instant::now() > deadline {
            break;
        }
        sleep(LOOK_INTERVAL).await;
    }
    // What should not be there may come last.
    scene.stored.read_to_end(&scene.place).await?;
    Ok(std::mem::take(&mut scene.stored.found))
}

/// Discards the first parked key and resumes the others, now that the bus takes them.
async fn see_to_parked_keys(scene: &mut Scene) -> Outcome {
    let store = scene.place.store("").await?;
    let reader = Target::Picky.name();
    let keys = store.parked(reader, None, None, 10_000).await?;
    let parked = keys.iter().map(|key| key.key.aggregate_id).collect();
    let history = scene.place.history(Target::Picky);
    append(&history, &Line::Mark { mark: Mark::Resuming { parked } })?;
    File::create(scene.place.cure())?;
    let Some((first, others)) = keys.split_first() else { return Ok(()) };
    let mut discarded = HashSet::new();
    for event in store.events(reader, &first.key).await? {
        discarded.insert(event.envelope.event_id);
        append(&history, &Line::Entry(Entry::Discarded(event.envelope.event_id)))?;
    }
    store.command(reader, &command(first, DeadLetterAction::DiscardKey)).await?;
    for key in others {
        store.command(reader, &command(key, DeadLetterAction::Resume)).await?;
    }
    wait_for_resumed(scene, &store, &discarded).await
}

async fn wait_for_resumed(
    scene: &mut Scene,
    store: &PgStore,
    discarded: &HashSet<Uuid>,
) -> Outcome {
    let log = scene.log().await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        scene.picky.read_on()?;
        let is_settled =
            |event: &Uuid| scene.picky.arrived.contains(event) || discarded.contains(event);
        let is_recorded = store.parked(Target::Picky.name(), None, None, 1).await?.is_empty();
        // What is missing in the end is found by the checkers.
        if (log.keys().all(is_settled) && is_recorded) || Instant::now() > deadline {
            return Ok(());
        }
        sleep(LOOK_INTERVAL).await;
    }
}

fn command(parked: &ParkedKey, action: DeadLetterAction) -> DeadLetterCommand {
    DeadLetterCommand {
        actor: Actor::new("operator"),
        key: parked.key.clone(),
        revision: parked.revision,
        action,
        reason: "the end of a run".into(),
    }
}
