//! The crash windows of the archive: what is written again replaces itself.

use crate::rig::{Rig, SECOND, archive_config, settled, until};
use bytes::Bytes;
use idp_application::KeepingAction::Forget;
use idp_application::{Actor, KeepingCommand, LogKeeping};
use idp_keeper::{Archive, ArchiveSelection, KeeperHandle};
use idp_testkit::{Dice, Fate, Unreliable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lets the first call of the shelf for which `is_meant` says so meet that fate, and all others pass.
/// Becomes true when there was one.
fn once(
    rig: &Rig,
    fate: Fate,
    mut is_meant: impl FnMut(&str) -> bool + Send + 'static,
) -> Arc<AtomicBool> {
    let met = Arc::<AtomicBool>::default();
    let has_met = met.clone();
    rig.shelf.plan(move |name| {
        let is_first = is_meant(name) && !has_met.swap(true, Ordering::SeqCst);
        if is_first { fate } else { Fate::Pass }
    });
    met
}

async fn check_after_a_crash(rig: &Rig) {
    let again = rig.archiving(2);
    until(&again, "the rest", |status| {
        status.metrics.turns > 8 && status.metrics.archive_failures == 0
    })
    .await;
    settled_log(rig).await;
    let report = rig.archive().await.verify().await.expect("it can be read");
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.events, 60);
    assert_eq!(rig.archived(ArchiveSelection::all()).await.len(), 60, "each once");
}

/// Nothing is left in the log.
async fn settled_log(rig: &Rig) {
    let mut reader = rig.reader("afterwards").await;
    assert_eq!(reader.lease.sequence, 60, "all were dropped");
    assert_eq!(reader.pass(10).await, []);
}

/// A rig with a keeper that hangs at the first call of the shelf that is meant, and is then killed.
async fn crashed(rig: &Rig, fate: Fate, is_meant: impl FnMut(&str) -> bool + Send + 'static) {
    let met = once(rig, fate, is_meant);
    rig.count_all(0..6).await;
    rig.reader("projector").await.pass(1_000).await;
    let keeper = rig.archiving(1);
    killed(rig, keeper, &met).await;
}

/// Kills the keeper, which has met its fate by then, and lets its leases expire.
async fn killed(rig: &Rig, keeper: KeeperHandle, met: &AtomicBool) {
    tokio::time::sleep(SECOND * 4).await;
    assert!(met.load(Ordering::SeqCst), "the keeper hangs where it should");
    drop(keeper);
    rig.shelf.plan(|_| Fate::Pass);
    tokio::time::sleep(SECOND * 4).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_file_leaves_nothing() {
    let rig = Rig::start().await;
    crashed(&rig, Fate::Silence, |name| name.starts_with("events/")).await;
    let left: Vec<_> = rig.shelf.objects().into_keys().collect();
    assert_eq!(left, ["head.json", "origin.json"], "nothing of any segment");
    check_after_a_crash(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_file_and_manifest_leaves_a_file_that_is_written_again() {
    let rig = Rig::start().await;
    crashed(&rig, Fate::Silence, |name| name.starts_with("segments/")).await;
    let left = rig.shelf.names("events/");
    assert_eq!((left.len(), rig.shelf.names("segments/").len()), (1, 0));
    check_after_a_crash(&rig).await;
    // The shelf fails the test when other bytes come under a name; and no other name came.
    assert!(rig.shelf.names("segments/").len() == rig.shelf.names("events/").len());
    assert!(rig.shelf.names("events/").contains(&left[0]));
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_manifest_and_record_makes_the_same_segment_again() {
    let rig = Rig::start().await;
    crashed(&rig, Fate::DoneInSilence, |name| name.starts_with("segments/")).await;
    let before = rig.shelf.objects();
    assert_eq!(before.len(), 4, "the origin, an empty head, the file and the manifest");
    check_after_a_crash(&rig).await;
    let after = rig.shelf.objects();
    let is_kept =
        |(name, object): (&String, &Bytes)| name == "head.json" || after.get(name) == Some(object);
    assert!(before.iter().all(is_kept));
}

#[tokio::test(start_paused = true)]
async fn a_crash_around_the_head_is_made_good_by_the_next_segment() {
    for fate in [Fate::Silence, Fate::DoneInSilence] {
        let rig = Rig::start().await;
        // The first is the empty one, which is there before all segments.
        let mut heads = 0;
        let is_second = move |name: &str| {
            heads += u32::from(name == "head.json");
            heads == 2
        };
        crashed(&rig, fate, is_second).await;
        let report = rig.archive().await.verify().await.expect("it can be read");
        assert!(report.is_whole(), "{report:?}");
        assert!((1..60).contains(&report.events), "{report:?}");
        check_after_a_crash(&rig).await;
    }
}

#[tokio::test(start_paused = true)]
async fn more_events_after_a_crash_make_another_segment_that_overlaps_and_is_read_once() {
    let rig = Rig::start().await;
    rig.count_all(0..2).await;
    rig.reader("projector").await;
    let met = once(&rig, Fate::DoneInSilence, |name| name.starts_with("segments/"));
    let config = || idp_keeper::ArchiveConfig { segment_bytes_max: 1 << 20, ..archive_config() };
    let keeper = rig.archiving_of(1, rig.store.clone(), config());
    killed(&rig, keeper, &met).await;
    rig.count_all(2..6).await;
    let again = rig.archiving_of(2, rig.store.clone(), config());
    until(&again, "the rest", |status| status.metrics.archive_events == 60).await;
    let report = rig.archive().await.verify().await.expect("it can be read");
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.segments, report.events), (2, 60));
    assert_eq!(rig.archived(ArchiveSelection::all()).await.len(), 60, "each once");
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_whenever_the_archive_is_whole_in_the_end() {
    for seed in 0..150 {
        let rig = Rig::start().await;
        let mut reader = rig.reader("projector").await;
        let dice = Dice::seeded(seed);
        let fate = move || match dice.within(0..12) {
            0 => Fate::Refused,
            1 => Fate::AnswerLost,
            2 => Fate::Silence,
            3 => Fate::DoneInSilence,
            _ => Fate::Pass,
        };
        let fate = Arc::new(fate);
        let (of_shelf, of_log) = (fate.clone(), fate);
        rig.shelf.plan(move |_| of_shelf());
        let log = Arc::new(Unreliable::new(rig.store.clone(), move |_| of_log()));
        let mut keepers: Vec<_> =
            (1..=2).map(|w| rig.archiving_of(w, log.clone(), archive_config())).collect();
        for round in 0..6 {
            rig.count_all(round * 2..round * 2 + 2).await;
            reader.pass(1_000).await;
            tokio::time::sleep(std::time::Duration::from_secs(7)).await;
            let worker = 10 + round;
            keepers[usize::from(round % 2 == 0)] =
                rig.archiving_of(worker, log.clone(), archive_config());
        }
        drop(keepers);
        rig.shelf.plan(|_| Fate::Pass);
        let last = rig.archiving(100);
        until(&last, "the end", |status| status.metrics.turns > 30).await;
        let report = rig.archive().await.verify().await.expect("it can be read");
        assert!(report.is_whole(), "seed {seed}: {report:?}");
        assert_eq!(report.events, 120, "seed {seed}");
        let archived = rig.archived(ArchiveSelection::all()).await;
        assert_eq!(archived.len(), 120, "seed {seed}: each once");
        assert_eq!(rig.reader("afterwards").await.lease.sequence, 120, "seed {seed}: dropped");
    }
}

/// A database that was put back to an older state gives old numbers to new events.
#[tokio::test(start_paused = true)]
async fn two_events_under_one_number_are_found() {
    let one = Rig::start().await;
    one.count_all(0..4).await;
    let keeper = one.archiving(1);
    until(&keeper, "all", |status| status.metrics.archive_events == 40).await;
    let other = Rig::start().await;
    other.count_all(0..5).await;
    let keeper = other.archiving(1);
    until(&keeper, "all", |status| status.metrics.archive_events == 50).await;
    one.shelf.change(|objects| objects.extend(other.shelf.objects()));
    assert!(one.archive().await.gaps().is_empty());
    let report =
        Archive::open(one.shelf.clone()).await.expect("read").verify().await.expect("read");
    assert!(!report.is_whole());
    assert!(report.damages[0].contains("is one event in one segment, and another in another"));
}

/// Its owner has said that it never comes back, and it does.
#[tokio::test(start_paused = true)]
async fn an_archive_that_was_forgotten_names_the_gap() {
    let rig = Rig::start().await;
    let mut reader = rig.reader("projector").await;
    let keeper = rig.archiving(1);
    rig.count_all(0..4).await;
    reader.pass(1_000).await;
    settled(&keeper, 40).await;
    keeper.stop().await.expect("it stops");
    let action = Forget { reader: "archive".into(), is_forced: true };
    let command = KeepingCommand { actor: Actor::new("ann"), action, reason: "a mistake".into() };
    rig.store.keep(&command).await.expect("it is there");
    rig.count_all(4..8).await;
    reader.pass(1_000).await;
    let plain = rig.keeper(2, crate::rig::keeper_config()).start();
    until(&plain, "the drop", |status| status.metrics.events_dropped == 40).await;
    plain.stop().await.expect("it stops");
    let keeper = rig.archiving(3);
    rig.count_all(8..12).await;
    until(&keeper, "all", |status| status.metrics.archive_events == 40).await;
    let archive = rig.archive().await;
    assert!(!archive.gaps().is_empty());
    let error = archive.events(ArchiveSelection::all()).err().expect("it has gaps");
    let gap = archive.gaps()[0];
    let named = format!("{} to {} of {:?}", gap.first, gap.last, gap.lane);
    assert!(error.message().contains(&named), "{error}");
    let mut events = archive.events_despite_gaps(ArchiveSelection::all());
    let mut count = 0;
    while events.next().await.expect("whole").is_some() {
        count += 1;
    }
    assert_eq!(count, 80);
}
