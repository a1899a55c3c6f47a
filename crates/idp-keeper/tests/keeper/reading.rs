//! Archives are read as they are, and damage is told.

use crate::rig::{Rig, ids, settled};
use bytes::Bytes;
use idp_application::{ErrorKind, Lane};
use idp_domain::{TenantId, Timestamp, Uuid};
use idp_keeper::{Archive, ArchiveReport, ArchiveSelection, DirectoryArchive, LaneRange};
use std::collections::BTreeMap;
use std::sync::Arc;

type Objects = BTreeMap<String, Bytes>;

/// A rig with an archive of sixty events of two tenants, ten each of six tallies, each of another
/// second.
async fn archived() -> Rig {
    let rig = Rig::start().await;
    let mut reader = rig.reader("projector").await;
    let keeper = rig.archiving(1);
    for tally in 0..6 {
        rig.count_all(tally..tally + 1).await;
        reader.pass(1_000).await;
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    }
    settled(&keeper, 60).await;
    keeper.stop().await.expect("it stops");
    rig
}

#[tokio::test(start_paused = true)]
async fn a_selection_gives_what_it_names_and_nothing_else() {
    let rig = archived().await;
    let all = rig.archived(ArchiveSelection::all()).await;
    assert_eq!(all.len(), 60);
    let acme = TenantId::new("acme").expect("valid");
    let tenant = rig.archived(ArchiveSelection::all().tenants([acme.clone()])).await;
    assert_eq!(tenant.len(), 30);
    assert!(tenant.iter().all(|event| event.tenant == acme));
    let one = rig.archived(ArchiveSelection::all().aggregates([Uuid::from_u128(3)])).await;
    assert_eq!(one.len(), 10);
    assert!(one.iter().all(|event| event.aggregate_id == Uuid::from_u128(3)));
    let second = |seconds: i64| Timestamp::from_unix_micros(seconds * 1_000_000);
    let range = ArchiveSelection::all().occurred_from(second(9)).occurred_before(second(29));
    let in_range = rig.archived(range).await;
    let expected: Vec<_> = all
        .iter()
        .filter(|event| (second(9)..second(29)).contains(&event.occurred_at))
        .cloned()
        .collect();
    assert_eq!(ids(&in_range), ids(&expected));
    assert_eq!(in_range.len(), 20);
    let none = rig.archived(ArchiveSelection::all().aggregate_types(["window"])).await;
    assert_eq!(none, []);
}

/// What is found when that is all that was changed.
async fn report(
    rig: &Rig,
    whole: &Objects,
    change: impl FnOnce(&mut Objects),
) -> Result<ArchiveReport, idp_application::Error> {
    rig.shelf.change(|objects| {
        *objects = whole.clone();
        change(objects);
    });
    Archive::open(rig.shelf.clone()).await?.verify().await
}

#[tokio::test(start_paused = true)]
async fn damage_is_found_wherever_it_is() {
    let rig = archived().await;
    let files = rig.shelf.names("events/");
    let whole = rig.shelf.objects();
    let fine = report(&rig, &whole, |_| {}).await.expect("it can be read");
    assert!(fine.is_whole());

    let flip = |objects: &mut Objects| {
        let mut file = objects[&files[1]].to_vec();
        let middle = file.len() / 2;
        file[middle] ^= 1;
        objects.insert(files[1].clone(), file.into());
    };
    let flipped = report(&rig, &whole, flip).await.expect("damage is no failure");
    assert_eq!(flipped.damages.len(), 1);
    assert!(flipped.damages[0].contains(&files[1]), "{flipped:?}");
    assert!(flipped.events < 60);

    let lost = async |name: &str| {
        let report = report(&rig, &whole, |objects| drop(objects.remove(name))).await;
        report.expect("no failure").damages
    };
    assert_eq!(lost(&files[0]).await, [format!("`{}` is missing", files[0])]);
    assert!(lost("origin.json").await[0].starts_with("`origin.json` is missing"));

    let manifest = &rig.shelf.names("segments/")[0];
    let spoil = |objects: &mut Objects| drop(objects.insert(manifest.clone(), "{}".into()));
    let spoiled = report(&rig, &whole, spoil).await;
    assert_eq!(spoiled.expect_err("a manifest is damaged").kind(), ErrorKind::Corrupt);
}

/// The numbers that a manifest speaks of, and its file: as any tool can read them.
fn content(manifest: &Bytes) -> (Vec<LaneRange>, String) {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).expect("JSON");
    let lanes = manifest["lanes"].as_array().expect("a list").iter().map(|range| {
        let number = |member: &str| range[member].as_i64().expect("a number");
        let lane = Lane::from_number(i16::try_from(number("lane")).expect("few"));
        LaneRange { lane, first: number("first"), last: number("last") }
    });
    (lanes.collect(), manifest["file"]["name"].as_str().expect("text").to_owned())
}

/// By its numbers; and by its name, if it was the last of a lane: the head knows that.
#[tokio::test(start_paused = true)]
async fn the_loss_of_any_manifest_is_told_with_what_was_in_it() {
    let rig = archived().await;
    let whole = rig.shelf.objects();
    let fine = rig.archive().await.verify().await.expect("it can be read");
    let manifests = rig.shelf.names("segments/");
    let mut told_by_name = 0;
    for manifest in &manifests {
        let (ranges, file) = content(&whole[manifest]);
        let cut = report(&rig, &whole, |objects| drop(objects.remove(manifest))).await;
        let cut = cut.expect("no failure");
        assert!(!cut.is_whole(), "{manifest}: {cut:?}");
        assert_eq!((&cut.gaps, &cut.unreferenced), (&ranges, &vec![file]), "{manifest}");
        let is_end = |range: &LaneRange| {
            fine.lanes.iter().any(|known| (known.lane, known.last) == (range.lane, range.last))
        };
        let is_named = cut.damages.iter().any(|damage| damage.contains(manifest));
        assert_eq!(is_named, ranges.iter().any(is_end), "{manifest}: {cut:?}");
        told_by_name += usize::from(is_named);
    }
    assert!((1..manifests.len()).contains(&told_by_name), "of both kinds: {told_by_name}");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_ends_a_reading_and_not_what_stands_behind_it() {
    let rig = archived().await;
    let files = rig.shelf.names("events/");
    rig.shelf.change(|objects| drop(objects.insert(files[1].clone(), Bytes::new())));
    let mut events = rig.archive().await.events(ArchiveSelection::all()).expect("no gaps");
    let (mut read, mut failures) = (0, 0);
    loop {
        match events.next().await {
            Ok(Some(_)) => read += 1,
            Ok(None) => break,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                failures += 1;
            }
        }
    }
    assert_eq!(failures, 1);
    assert!((1..60).contains(&read), "{read} were read");
}

/// As an operator would find it on the disk.
#[tokio::test]
async fn a_directory_holds_lines_that_any_tool_can_read() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let directory = Arc::new(DirectoryArchive::open(folder.path()).expect("it opens"));
    rig.count_all(0..3).await;
    let keeper = rig
        .keeper(1, crate::rig::keeper_config())
        .archiving(crate::rig::archive_config(), rig.store.clone(), directory.clone())
        .expect("it is valid")
        .start();
    settled(&keeper, 30).await;
    let archive = Archive::open(directory).await.expect("it can be read");
    assert_eq!(archive.verify().await.expect("read").events, 30);
    let mut lines = 0;
    for entry in std::fs::read_dir(folder.path().join("events")).expect("there") {
        let path = entry.expect("there").path();
        assert!(path.to_string_lossy().ends_with(".jsonl.gz"), "no part is left: {path:?}");
        let gunzip = std::process::Command::new("gzip").arg("-dc").arg(&path).output();
        let text = String::from_utf8(gunzip.expect("gzip is installed").stdout).expect("UTF-8");
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert!(line["event_id"].is_string() && line["number"].is_i64(), "{line}");
            lines += 1;
        }
    }
    assert_eq!(lines, 30);
}
