//! What the log is kept for is looked after by commands.

use crate::operator::{Site, on_each_database};
use idp::application::{PurgeBlock, PurgePolicy};
use std::time::Duration;

on_each_database! {
    a_hold_keeps_the_log_until_it_is_released,
    a_reader_that_never_comes_back_is_forgotten,
}

async fn a_hold_keeps_the_log_until_it_is_released(mut site: Site) {
    // On PostgreSQL whole partitions are dropped, and the first of them is full.
    site.set("ROUTE_PLANNING__DATABASE__PARTITION_SIZE", "10");
    site.import_ten("globex").await;
    site.import_five("acme").await;
    // A reader that has passed all of it. Of lanes without events it records that with its heartbeat.
    let relay = site.start(&["relay"]);
    site.until(&["outbox", "status"], |told| told.contains("console: 0 events to read")).await;
    site.until(&["log", "readers"], |told| told.starts_with("console: nothing to read")).await;
    relay.stop().await;
    let told = site.signed(&["log", "hold", "rebuild", "--from", "oldest"], "a new board").await;
    assert_eq!(told, "hold of rebuild is recorded\n");
    let policy = PurgePolicy { keep_for: Duration::ZERO, ..PurgePolicy::default() };
    let report = site.backend.purge(&policy).await.expect("it answers");
    assert!(matches!(report.blocked_by, Some(PurgeBlock::Hold(hold)) if hold.name == "rebuild"));
    assert_eq!(report.events_dropped, 0);
    assert!(site.done(&["log", "holds"]).await.starts_with("rebuild since "));

    let told = site.refused_signed(&["log", "hold", "rebuild"]).await;
    assert!(told.contains("`NAME`: there is a hold `rebuild` already"), "{told}");
    let told = site.refused_signed(&["log", "hold", "re build"]).await;
    assert!(told.contains("`NAME` must be "), "{told}");
    site.signed(&["log", "release", "rebuild"], "the board is there").await;
    assert_eq!(site.done(&["log", "holds"]).await, "");
    let report = site.backend.purge(&policy).await.expect("it answers");
    assert_eq!((report.events_dropped, report.blocked_by), (15, None));
    let told = site.refused_signed(&["log", "release", "rebuild"]).await;
    assert!(told.contains("`NAME`: there is no "), "{told}");
    let records = site.done(&["log", "records"]).await;
    let lines: Vec<_> = records.lines().collect();
    assert_eq!(lines.len(), 2, "{records}");
    assert!(lines[0].ends_with(" release rebuild by ann: the board is there"), "{records}");
    assert!(lines[1].ends_with(" hold rebuild by ann: a new board"), "{records}");
}

async fn a_reader_that_never_comes_back_is_forgotten(site: Site) {
    let relay = site.start(&["relay"]);
    site.until(&["log", "readers"], |told| told.ends_with(", 1 workers\n")).await;
    let told = site.refused_signed(&["log", "forget", "console"]).await;
    assert!(told.contains("`READER`: `console` has ") && told.contains("`--force`"), "{told}");
    relay.stop().await;
    assert!(
        site.done(&["log", "readers"]).await.starts_with("console: nothing to read, 0 set aside")
    );
    site.signed(&["log", "forget", "console"], "it is NATS now").await;
    assert_eq!(site.done(&["log", "readers"]).await, "");
    let told = site.refused_signed(&["log", "forget", "console"]).await;
    assert!(told.contains("`READER`: there is no "), "{told}");
    let records = site.done(&["log", "records"]).await;
    assert!(records.ends_with(" forget console by ann: it is NATS now\n"), "{records}");
}
