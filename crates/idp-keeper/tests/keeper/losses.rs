//! Whatever is lost of an archive, or put in the wrong place, is told by its name: by the archive itself,
//! by the database when the archive cannot know, and by the keeper before it goes on.

use crate::rig::{Rig, archive_config, next_turn, settled, until};
use bytes::Bytes;
use idp_application::{Actor, ErrorKind, KeepingAction, KeepingCommand, LogKeeping, WorkerId};
use idp_domain::Uuid;
use idp_keeper::{Archive, ArchiveReport, ArchiveSelection, RecordedLanes};
use std::collections::BTreeMap;

type Objects = BTreeMap<String, Bytes>;

const VERIFIER: WorkerId = WorkerId(Uuid::from_u128(999));

/// A rig with an archive of sixty events in several segments, whose keeper has stopped.
async fn archived() -> Rig {
    let rig = Rig::start().await;
    rig.count_all(0..6).await;
    rig.reader("projector").await.pass(1_000).await;
    let keeper = rig.archiving(1);
    settled(&keeper, 60).await;
    keeper.stop().await.expect("it stops");
    assert!(rig.shelf.names("segments/").len() > 3);
    rig
}

async fn recorded(rig: &Rig) -> RecordedLanes {
    let recorded = RecordedLanes::read(&*rig.store, &archive_config(), VERIFIER).await;
    recorded.expect("it was archived")
}

/// What is said when that was done to the archive: by itself, and against the database.
async fn told(rig: &Rig, sabotage: impl FnOnce(&mut Objects)) -> (ArchiveReport, ArchiveReport) {
    let whole = rig.shelf.objects();
    let recorded = recorded(rig).await;
    rig.shelf.change(sabotage);
    let archive = Archive::open(rig.shelf.clone()).await.expect("it can be read");
    let alone = archive.verify().await.expect("damage is no failure");
    let against = archive.verify_against(&recorded).await.expect("damage is no failure");
    rig.shelf.change(|objects| *objects = whole);
    (alone, against)
}

fn last_of(objects: &Objects, folder: &str) -> String {
    objects.keys().rfind(|name| name.starts_with(folder)).expect("there are some").clone()
}

fn is_told(report: &ArchiveReport, name: &str) -> bool {
    !report.is_whole() && report.damages.iter().any(|damage| damage.contains(name))
}

#[tokio::test(start_paused = true)]
async fn an_archive_that_nobody_touched_is_whole_for_itself_and_for_the_database() {
    let rig = archived().await;
    let recorded = recorded(&rig).await;
    assert_eq!(recorded.lanes().values().sum::<i64>(), 60);
    let (alone, against) = told(&rig, |_| {}).await;
    assert!(alone.is_whole() && against.is_whole(), "{against:?}");
    assert_eq!(against.events, 60);
}

#[tokio::test(start_paused = true)]
async fn the_loss_of_the_last_segment_is_told_with_its_name_and_its_numbers() {
    let rig = archived().await;
    let manifest = last_of(&rig.shelf.objects(), "segments/");
    let (alone, against) = told(&rig, |objects| drop(objects.remove(&manifest))).await;
    for report in [alone, against] {
        assert!(is_told(&report, &manifest), "{report:?}");
        let missing: i64 = report.gaps.iter().map(|gap| gap.last - gap.first + 1).sum();
        assert_eq!(u64::try_from(missing).expect("positive") + report.events, 60);
        assert_eq!(report.unreferenced.len(), 1);
    }
    let events = last_of(&rig.shelf.objects(), "events/");
    let (alone, _) = told(&rig, |objects| drop(objects.remove(&events))).await;
    assert!(is_told(&alone, &events), "{alone:?}");
}

#[tokio::test(start_paused = true)]
async fn the_loss_of_the_head_is_told() {
    let rig = archived().await;
    let (alone, _) = told(&rig, |objects| drop(objects.remove("head.json"))).await;
    assert!(is_told(&alone, "head.json"), "{alone:?}");
    assert_eq!(alone.gaps, []);
}

/// All that the archive says of its end is lost with its end: only the database knows.
#[tokio::test(start_paused = true)]
async fn the_loss_of_the_last_segment_behind_an_older_head_is_told_by_the_database() {
    let rig = Rig::start().await;
    rig.count_all(0..3).await;
    let mut reader = rig.reader("projector").await;
    reader.pass(1_000).await;
    let keeper = rig.archiving(1);
    settled(&keeper, 30).await;
    let older = rig.shelf.objects();
    rig.count_all(3..6).await;
    reader.pass(1_000).await;
    settled(&keeper, 60).await;
    keeper.stop().await.expect("it stops");
    let (alone, against) = told(&rig, |objects| *objects = older.clone()).await;
    assert!(alone.is_whole(), "it is what it was: {alone:?}");
    let missing: i64 = against.gaps.iter().map(|gap| gap.last - gap.first + 1).sum();
    assert_eq!((missing, against.events), (30, 30));
    let (_, against) = told(&rig, Objects::clear).await;
    assert_eq!(against.gaps.iter().map(|gap| gap.last).sum::<i64>(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_truncated_file_and_swapped_segments_are_told_by_their_names() {
    let rig = archived().await;
    let names = rig.shelf.names("events/");
    let (alone, _) = told(&rig, |objects| {
        let file = objects[&names[1]].clone();
        objects.insert(names[1].clone(), file.slice(..file.len() / 2));
    })
    .await;
    assert!(is_told(&alone, &names[1]), "{alone:?}");
    assert_eq!(alone.damages.len(), 1);

    let swap = |objects: &mut Objects, one: &str, other: &str| {
        let (first, second) = (objects[one].clone(), objects[other].clone());
        objects.extend([(one.to_owned(), second), (other.to_owned(), first)]);
    };
    let (alone, _) = told(&rig, |objects| swap(objects, &names[0], &names[1])).await;
    assert!(is_told(&alone, &names[0]) && is_told(&alone, &names[1]), "{alone:?}");

    let manifests = rig.shelf.names("segments/");
    rig.shelf.change(|objects| swap(objects, &manifests[0], &manifests[1]));
    let error = Archive::open(rig.shelf.clone()).await.err().expect("no manifest is what it says");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains(&manifests[0]), "{error}");
}

/// Nothing more is archived, and so nothing more is dropped, before somebody has put it back.
#[tokio::test(start_paused = true)]
async fn a_keeper_does_not_go_on_behind_an_archive_that_lost_its_end() {
    let rig = Rig::start().await;
    rig.count_all(0..3).await;
    let mut reader = rig.reader("projector").await;
    reader.pass(1_000).await;
    let keeper = rig.archiving(1);
    settled(&keeper, 30).await;
    let older = rig.shelf.objects();
    rig.count_all(3..6).await;
    reader.pass(1_000).await;
    settled(&keeper, 60).await;
    keeper.stop().await.expect("it stops");
    let whole = rig.shelf.objects();

    rig.count_all(6..9).await;
    reader.pass(1_000).await;
    rig.shelf.change(|objects| *objects = older.clone());
    let keeper = rig.archiving(2);
    let told = until(&keeper, "a failure", |status| status.metrics.archive_failures > 2).await;
    let told = told.last_failure.expect("it failed");
    assert!(told.contains("a part of the archive is lost: it goes to number"), "{told}");
    assert_eq!(keeper.metrics().events_dropped, 0);

    let without_head = |objects: &mut Objects| {
        objects.clone_from(&older);
        objects.remove("head.json");
    };
    rig.shelf.change(without_head);
    let told = next_turn(&keeper).await.last_failure.expect("it failed");
    assert!(told.contains("`head.json` is missing, and not only that"), "{told}");

    rig.shelf.change(|objects| objects.clone_from(&whole));
    settled(&keeper, 30).await;
    assert_eq!(rig.archived(ArchiveSelection::all()).await.len(), 90);
}

/// An empty folder is what one finds where a disk is not mounted.
#[tokio::test(start_paused = true)]
async fn a_keeper_does_not_begin_another_archive_before_the_reader_of_the_one_before_is_forgotten()
{
    let rig = Rig::start().await;
    rig.count_all(0..6).await;
    let mut reader = rig.reader("projector").await;
    reader.pass(1_000).await;
    let keeper = rig.archiving(1);
    settled(&keeper, 60).await;
    keeper.stop().await.expect("it stops");

    rig.count_all(6..9).await;
    reader.pass(1_000).await;
    rig.shelf.change(Objects::clear);
    let keeper = rig.archiving(2);
    let told = until(&keeper, "a failure", |status| status.metrics.archive_failures > 2).await;
    let told = told.last_failure.expect("it failed");
    assert!(told.contains("nothing is in it, and events were archived before"), "{told}");
    assert!(rig.shelf.objects().is_empty(), "nothing is written beside what may come back");
    assert_eq!(keeper.metrics().events_dropped, 0);
    keeper.stop().await.expect("it stops");

    forget_archive(&rig).await;
    let keeper = rig.archiving(3);
    settled(&keeper, 30).await;
    assert_eq!(rig.archived(ArchiveSelection::all()).await.len(), 30);
    assert!(rig.archive().await.verify().await.expect("it can be read").is_whole());
}

async fn forget_archive(rig: &Rig) {
    let action = KeepingAction::Forget { reader: archive_config().reader, is_forced: true };
    let (actor, reason) = (Actor::new("ann"), "the disk is gone".to_owned());
    let command = KeepingCommand { actor, action, reason };
    rig.store.keep(&command).await.expect("it is forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_lost_head_of_an_archive_that_has_everything_is_written_again() {
    let rig = archived().await;
    let head = rig.shelf.objects()["head.json"].clone();
    rig.shelf.change(|objects| drop(objects.remove("head.json")));
    let keeper = rig.archiving(2);
    next_turn(&keeper).await;
    assert_eq!(keeper.status().last_failure, None);
    assert_eq!(rig.shelf.objects()["head.json"], head);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_head_is_told_and_stops_the_keeper() {
    let rig = archived().await;
    rig.shelf.change(|objects| drop(objects.insert("head.json".into(), Bytes::from("{}"))));
    let error = Archive::open(rig.shelf.clone()).await.err().expect("it is damaged");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("`head.json`: it is damaged"), "{error}");
    let keeper = rig.archiving(2);
    let told = next_turn(&keeper).await.last_failure.expect("it failed");
    assert!(told.contains("`head.json`: it is damaged"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_database_without_an_archive_is_not_made_to_hold_its_log_by_a_question() {
    let rig = Rig::start().await;
    let asked = RecordedLanes::read(&*rig.store, &archive_config(), VERIFIER).await;
    assert_eq!(asked.expect_err("it has none").kind(), ErrorKind::NotFound);
    assert_eq!(rig.store.readers().await.expect("asked"), []);
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_is_told_while_keepers_work_and_keeps_them_from_nothing() {
    let rig = Rig::start().await;
    let mut reader = rig.reader("projector").await;
    let keepers = [rig.archiving(1), rig.archiving(2)];
    next_turn(&keepers[0]).await;
    for round in 0..6 {
        rig.count_all(round * 2..round * 2 + 2).await;
        reader.pass(1_000).await;
        let recorded = recorded(&rig).await;
        let report = rig.archive().await.verify_against(&recorded).await.expect("it can be read");
        assert!(report.is_whole(), "round {round}: {report:?}");
        tokio::time::sleep(crate::rig::SECOND).await;
    }
    until(&keepers[0], "turns", |status| status.metrics.turns > 30).await;
    let dropped: u64 = keepers.iter().map(|keeper| keeper.metrics().events_dropped).sum();
    assert_eq!(dropped, 120);
}
