//! What is in the archive, and that nothing is dropped that is not.

use crate::rig::{Rig, SECOND, archive_config, ids, keeper_config, next_turn, settled, until};
use idp_application::{LogKeeping, PurgeBlock};
use idp_keeper::{ArchiveConfig, ArchiveSelection, KeeperConfig};
use idp_testkit::Fate;

#[tokio::test(start_paused = true)]
async fn everything_is_archived_before_it_is_dropped() {
    let rig = Rig::start().await;
    let mut reader = rig.reader("projector").await;
    let keeper = rig.archiving(1);
    let mut read = Vec::new();
    for round in 0..3 {
        rig.count_all(round * 10..round * 10 + 10).await;
        read.extend(reader.pass(1_000).await);
        settled(&keeper, 100 * (u64::try_from(round).expect("few") + 1)).await;
        assert_eq!(ids(&rig.archived(ArchiveSelection::all()).await), ids(&read));
    }
    let report = rig.archive().await.verify().await.expect("it can be read");
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.events, report.unreferenced.len()), (300, 0));
    let metrics = keeper.metrics();
    assert_eq!(metrics.archive_segments, report.segments);
    assert!(report.segments > 10, "segments are bounded: {report:?}");
    let sizes = rig.shelf.objects();
    let files = sizes.iter().filter(|(name, _)| name.starts_with("events/"));
    let bytes: usize = files.map(|(_, object)| object.len()).sum();
    assert_eq!(metrics.archive_bytes, u64::try_from(bytes).expect("few"));
}

#[tokio::test(start_paused = true)]
async fn an_event_comes_back_whole_and_where_it_was() {
    let rig = Rig::start().await;
    let keeper = rig.archiving(1);
    let mut reader = rig.reader("projector").await;
    rig.count_all(0..6).await;
    let read = reader.pass(1_000).await;
    settled(&keeper, 60).await;
    let mut archived = rig.archive().await.events(ArchiveSelection::all()).expect("no gaps");
    let mut by_lane = std::collections::BTreeMap::<_, i64>::new();
    let mut found = 0;
    while let Some(event) = archived.next().await.expect("whole") {
        let number = by_lane.entry(event.lane).or_default();
        *number += 1;
        assert_eq!(event.number, *number);
        let position = usize::try_from(event.cursor.position).expect("positive");
        assert_eq!(event.envelope, read[position - 1], "with its hash, metadata and payload");
        found += 1;
    }
    assert_eq!(found, read.len());
}

#[tokio::test(start_paused = true)]
async fn while_the_archive_is_away_nothing_is_dropped_and_the_alarm_names_it() {
    let rig = Rig::start().await;
    rig.shelf.plan(|_| Fate::Refused);
    let keeper = rig.archiving(1);
    next_turn(&keeper).await;
    rig.count_all(0..4).await;
    rig.reader("projector").await.pass(1_000).await;
    let alarm = until(&keeper, "an alarm", |status| status.metrics.is_alarming).await;
    assert_eq!(alarm.metrics.events_dropped, 0);
    assert!(alarm.metrics.archive_failures > 10, "{alarm:?}");
    let PurgeBlock::Reader(behind) = alarm.held_up.expect("it is held").by else {
        panic!("the archive is behind");
    };
    assert_eq!(behind.reader, "archive");
    rig.shelf.plan(|_| Fate::Pass);
    settled(&keeper, 40).await;
    assert_eq!(rig.archived(ArchiveSelection::all()).await.len(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_keeper_that_does_not_archive_drops_nothing_that_another_has_to() {
    let rig = Rig::start().await;
    let keeper = rig.archiving(1);
    next_turn(&keeper).await;
    drop(keeper);
    rig.count_all(0..4).await;
    rig.reader("projector").await.pass(1_000).await;
    let other = rig.keeper(2, keeper_config()).start();
    next_turn(&other).await;
    assert_eq!(other.metrics().events_dropped, 0);
    let again = rig.archiving(3);
    until(&again, "all archived", |status| status.metrics.archive_events == 40).await;
    next_turn(&other).await;
    next_turn(&again).await;
    assert_eq!(other.metrics().events_dropped + again.metrics().events_dropped, 40);
}

#[tokio::test(start_paused = true)]
async fn several_keepers_archive_everything_once() {
    let rig = Rig::start().await;
    let mut reader = rig.reader("projector").await;
    let keepers: Vec<_> = (1..=3).map(|worker| rig.archiving(worker)).collect();
    let of_each = || keepers.iter().map(|k| k.metrics().archive_events).collect::<Vec<_>>();
    let dropped = || keepers.iter().map(|k| k.metrics().events_dropped).sum::<u64>();
    // Whoever comes first has most of a round: it goes on until each has come first.
    let mut rounds = 0;
    while rounds < 10 || of_each().contains(&0) {
        assert!(rounds < 100, "all of them work: {:?}", of_each());
        rig.count_all(rounds * 5..rounds * 5 + 5).await;
        reader.pass(1_000).await;
        tokio::time::sleep(SECOND).await;
        rounds += 1;
    }
    for _ in 0..20 {
        next_turn(&keepers[0]).await;
    }
    let events = 50 * u64::try_from(rounds).expect("few");
    assert_eq!((of_each().iter().sum::<u64>(), dropped()), (events, events));
    let report = rig.archive().await.verify().await.expect("it can be read");
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.events, events);
    for keeper in keepers {
        keeper.stop().await.expect("it stops");
    }
}

#[tokio::test(start_paused = true)]
async fn an_archive_that_begins_late_says_where() {
    let rig = Rig::start().await;
    rig.count_all(0..4).await;
    let mut reader = rig.reader("projector").await;
    reader.pass(1_000).await;
    let plain = rig.keeper(1, keeper_config()).start();
    until(&plain, "the drop", |status| status.metrics.events_dropped == 40).await;
    plain.stop().await.expect("it stops");
    let keeper = rig.archiving(2);
    rig.count_all(4..8).await;
    reader.pass(1_000).await;
    let late = until(&keeper, "all", |status| status.metrics.archive_events == 40).await;
    assert!(late.readers_late.iter().any(|late| late.reader == "archive"), "{late:?}");
    let archive = rig.archive().await;
    assert_eq!(archive.gaps(), []);
    let before: i64 = archive.lanes().iter().map(|range| range.first - 1).sum();
    let lanes_without_news = 40 - before;
    assert!((0..40).contains(&lanes_without_news), "{:?}", archive.lanes());
    assert!(archive.lanes().iter().any(|range| range.first > 1));
}

#[tokio::test(start_paused = true)]
async fn a_long_segment_keeps_its_lanes_by_renewing_them() {
    let rig = Rig::start().await;
    rig.count_all(0..4).await;
    let slow = std::sync::Arc::new(idp_testkit::Unreliable::new(rig.store.clone(), |_| Fate::Pass));
    // Hundreds of reads of one event each take longer than a lease lasts, and the other looks often.
    let ttl = std::time::Duration::from_millis(100);
    let config = ArchiveConfig {
        batch_size: 1,
        segment_bytes_max: 1 << 20,
        lease_ttl: ttl,
        ..archive_config()
    };
    rig.count("acme", 1_000, 400).await;
    let keeper = |worker| {
        let interval = std::time::Duration::from_millis(20);
        let keeper = rig.keeper(worker, KeeperConfig { interval, ..keeper_config() });
        let keeper = keeper.archiving(config.clone(), slow.clone(), rig.shelf.clone());
        keeper.expect("it is valid").start()
    };
    let (first, second) = (keeper(1), keeper(2));
    for keeper in [&first, &second] {
        next_turn(keeper).await;
    }
    let all = |metrics: fn(&idp_keeper::KeeperMetrics) -> u64| {
        metrics(&first.metrics()) + metrics(&second.metrics())
    };
    for _ in 0..20 {
        next_turn(&first).await;
    }
    assert_eq!((all(|m| m.archive_events), all(|m| m.archive_fenced)), (440, 0));
    let readers = rig.store.readers().await.expect("asked");
    assert_eq!(readers.len(), 1);
}
