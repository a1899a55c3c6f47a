//! Archived events are sent again.

use crate::rig::{Rig, settled};
use idp_application::{
    BoxFuture, CloudEvent, ErrorKind, Message, Track, Transform, TransformError,
};
use idp_domain::{TenantId, Uuid};
use idp_keeper::{ArchiveSelection, Replay};
use idp_memory::MemoryBus;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A rig with an archive of a hundred events of two tenants.
async fn archived() -> Rig {
    let rig = Rig::start().await;
    rig.count_all(0..10).await;
    rig.reader("projector").await.pass(1_000).await;
    let keeper = rig.archiving(1);
    settled(&keeper, 100).await;
    keeper.stop().await.expect("it stops");
    rig
}

fn replay(bus: &Arc<MemoryBus>) -> Replay {
    Replay::new("replay-7", bus.clone()).source("/tallies")
}

/// Each aggregate's versions, in the order of their arrival.
fn steps(messages: &[Message]) -> BTreeMap<Uuid, Vec<String>> {
    let mut steps: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for message in messages {
        let data = String::from_utf8(message.event.data.to_vec()).expect("JSON");
        steps.entry(message.event.aggregate_id).or_default().push(data);
    }
    steps
}

#[tokio::test(start_paused = true)]
async fn a_replay_sends_the_selection_in_order_under_the_same_identities() {
    let rig = archived().await;
    let bus = Arc::new(MemoryBus::default());
    let acme = ArchiveSelection::all().tenants([TenantId::new("acme").expect("valid")]);
    let archive = rig.archive().await;
    let report = replay(&bus).run(&archive, acme.clone()).await.expect("the bus takes all");
    assert_eq!((report.published, report.retries), (50, 0));
    let messages = bus.messages();
    let sent: BTreeSet<Uuid> = messages.iter().map(|message| message.event.id).collect();
    let archived = rig.archived(acme).await;
    assert_eq!(sent, archived.iter().map(|event| event.event_id).collect());
    for steps in steps(&messages).values() {
        let expected: Vec<_> = (1..=10).map(|to| format!("{{\"to\":{to}}}")).collect();
        assert_eq!(*steps, expected);
    }
    let first = &messages[0];
    assert_eq!((&*first.topic, &*first.event.source), ("tally", "/tallies"));
    assert_eq!(*first.stream.target, *"replay-7");
    assert_eq!(first.stream.track, Track::Main);
    assert!(first.event.content_hash.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_replay_under_a_name_that_no_reader_may_have_sends_nothing() {
    let (rig, bus) = (archived().await, Arc::new(MemoryBus::default()));
    let replay = Replay::new("again/1", bus.clone());
    let error = replay.run(&rig.archive().await, ArchiveSelection::all()).await;
    let error = error.expect_err("its streams could be taken for those of another");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().starts_with("`name` must be 1 to 64 letters"), "{error}");
    assert!(bus.messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_away_for_a_while_gets_everything() {
    let rig = archived().await;
    let bus = Arc::new(MemoryBus::default().with_stored_once());
    bus.fail_next(3);
    bus.fail_next_after(4);
    let report = replay(&bus).run(&rig.archive().await, ArchiveSelection::all()).await;
    let report = report.expect("the bus comes back");
    assert_eq!((report.published, report.retries), (100, 4));
    assert_eq!(bus.messages().len(), 100);

    let again = replay(&bus).run(&rig.archive().await, ArchiveSelection::all()).await;
    assert_eq!(again.expect("the bus is there").published, 100);
    assert_eq!(bus.messages().len(), 100, "run again, a bus that stores once drops all");
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_stays_away_and_one_that_refuses_end_the_replay_and_name_the_event() {
    let rig = archived().await;
    let bus = Arc::new(MemoryBus::default());
    bus.fail_next(5);
    let archive = rig.archive().await;
    let gone = replay(&bus).attempts_max(5).run(&archive, ArchiveSelection::all()).await;
    assert_eq!(gone.expect_err("it stays away").kind(), ErrorKind::Unavailable);
    let bus = Arc::new(MemoryBus::default().with_topics(["acme"]));
    let by_tenant = replay(&bus).topic(|event| event.tenant.as_str().into());
    let refused = by_tenant.run(&archive, ArchiveSelection::all()).await.expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.message().starts_with("event "), "{refused}");
    assert!(bus.messages().iter().all(|message| &*message.topic == "acme"));
}

/// Masks what it is told.
struct Masking;

impl Transform for Masking {
    fn apply(&self, mut event: CloudEvent) -> BoxFuture<'_, Result<CloudEvent, TransformError>> {
        Box::pin(async move {
            if event.tenant.as_str() == "globex" {
                return Err(TransformError::refused("globex must not leave"));
            }
            event.data = "{}".into();
            event.content_hash = None;
            Ok(event)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_leaves_is_transformed_and_what_cannot_be_does_not_leave() {
    let rig = archived().await;
    let bus = Arc::new(MemoryBus::default());
    let archive = rig.archive().await;
    let acme = ArchiveSelection::all().tenants([TenantId::new("acme").expect("valid")]);
    let masked = replay(&bus).transform(Masking).run(&archive, acme).await;
    assert_eq!(masked.expect("all can be masked").published, 50);
    assert!(bus.messages().iter().all(|message| message.event.data == "{}"));
    let all = replay(&bus).transform(Masking).run(&archive, ArchiveSelection::all()).await;
    assert!(all.expect_err("globex").message().contains("globex must not leave"));
    assert!(bus.messages().iter().all(|message| message.event.tenant.as_str() == "acme"));
}
