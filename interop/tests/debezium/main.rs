//! A real Debezium reads the outbox through its event router: committed events and nothing else
//! arrive, each whole and once, while partitions come and go and while it is stopped in between.

mod database;
mod engine;
#[path = "../java/mod.rs"]
mod java;

use database::Database;
use engine::Connector;
use interop::compare;

const PUBLICATION: &str = include_str!("../../debezium/publication.sql");

/// Lets Debezium publish deletes and truncations as well, and see them: it must not need to be kept
/// from them.
const ON_ITS_OWN: [&str; 4] = [
    "publication.name=of_its_own",
    "publication.autocreate.mode=filtered",
    "publish.via.partition.root=true",
    "skipped.operations=none",
];

#[tokio::test(flavor = "multi_thread")]
async fn events_are_routed_whole_and_once_while_partitions_come_and_go() {
    let database = Database::create().await;
    database.client.batch_execute(PUBLICATION).await.expect("the publication can be made");
    let connector = Connector::new(&database, &[]);
    are_routed(database, &connector).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_routed_as_well_by_a_publication_that_debezium_made() {
    let database = Database::create().await;
    let connector = Connector::new(&database, &ON_ITS_OWN);
    are_routed(database, &connector).await;
}

async fn are_routed(mut database: Database, connector: &Connector) {
    let last = database.commit(3).await;
    let mut engine = connector.start();
    let mut routed = engine.records_up_to(&last).await;

    // Commits go on while the engine follows, in partitions that are there, in the one for the rest,
    // and in those that each purge makes; it truncates, deletes and drops what was read.
    let partitions_before = database.partitions().await;
    let mut dropped = 0;
    let mut last = String::new();
    for _ in 0..4 {
        database.commit(4).await;
        dropped += database.purge().await.events_dropped;
        last = database.commit(4).await;
    }
    assert!(dropped > 60, "{dropped} events were dropped");
    routed.extend(engine.records_up_to(&last).await);
    routed.extend(engine.stop().await);
    let partitions = database.partitions().await;
    let is_old = |name: &String| partitions.contains(name);
    assert!(!partitions_before.iter().all(is_old), "none was dropped: {partitions:?}");
    assert!(partitions.iter().any(|name| !partitions_before.contains(name)), "none is new");

    // While it is away, events are committed and dropped from the table: the slot has kept them.
    database.commit(4).await;
    assert!(database.purge().await.events_dropped > 0);
    let last = database.commit(4).await;
    let mut engine = connector.start();
    routed.extend(engine.records_up_to(&last).await);
    routed.extend(engine.stop().await);

    let faults = compare(database.committed(), &routed);
    assert!(faults.is_empty(), "{} faults: {:#?}", faults.len(), &faults[..faults.len().min(10)]);
    assert_eq!(routed.len(), 43 * 3, "all events of all aggregates");
    database.destroy().await;
}
