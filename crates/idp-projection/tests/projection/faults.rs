//! Events that cannot be folded, and a database that fails.

use crate::service::{LONG, Service, caught_up, config, until};
use crate::takeover::take_lease_away;
use idp_application::{ChangeSet, ErrorKind, NewEvent, Projection, Recorded, Store};
use idp_domain::{
    ContentHasher, EntityId, Envelope, EventRecord, FieldType, TenantId, Timestamp, Uuid, Value,
};
use idp_projection::ProjectorConfig;
use idp_testkit::{Dice, Fate, TallyBoard, TallyEvent, TallyId, TallyRow, Unreliable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// Commits an event of a tally that no build of today can read.
async fn commit_from_the_future(service: &Service, tally: TallyId) {
    let tenant = TenantId::new("acme").expect("valid");
    let record = EventRecord {
        event_id: Uuid::from_u128(0xE),
        occurred_at: Timestamp::UNIX_EPOCH,
        tenant: tenant.clone(),
        aggregate_type: "tally".into(),
        aggregate_id: tally.uuid(),
        aggregate_version: 99,
        event_type: "tally.counted".into(),
        schema_id: "tally.counted".into(),
        schema_version: 9,
        payload: "{}".into(),
        metadata: [].into(),
    };
    let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
    let events = vec![NewEvent { envelope }];
    let changes = ChangeSet { tenant, writes: vec![], events };
    service.store.commit(changes).await.expect("it can be committed");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_stops_the_projector_behind_the_one_before() {
    let service = Service::start().await;
    let tally = service.tally("acme", 6).await;
    commit_from_the_future(&service, tally).await;
    service.count("acme", tally, 3).await;
    let projector = service.projector_of(TallyBoard, 1, service.store.clone());
    until(&projector, |status| status.stalled.is_some()).await;
    let stalled = projector.status().stalled.expect("it is stalled");
    assert!(stalled.contains("has version 9, this build reads version 1"), "{stalled}");
    tokio::time::sleep(Duration::from_secs(300)).await;
    let status = projector.status();
    assert_eq!((status.checkpoint, status.holds_lease), (6, true));
    assert!(status.failures > 20, "it tries again and again");
    assert_eq!(service.rows("acme").await[0].steps, 6, "nothing is skipped");
    projector.stop().await.expect("the store answers");
}

#[tokio::test(start_paused = true)]
async fn a_projector_that_cannot_get_on_keeps_its_lease() {
    let service = Service::start().await;
    let tally = service.tally("acme", 2).await;
    commit_from_the_future(&service, tally).await;
    let (store, long) = (service.store.clone(), Duration::from_secs(300));
    let patient = ProjectorConfig { backoff_max: long, ..config() };
    let stalled = service.projector_as(patient, TallyBoard, 1, store.clone());
    until(&stalled, |status| status.stalled.is_some()).await;
    let standing_by = service.projector_of(TallyBoard, 2, store);
    tokio::time::sleep(long * 10).await;
    assert_eq!(stalled.status().fenced, 0);
    assert!(!standing_by.status().holds_lease);
}

#[tokio::test(start_paused = true)]
async fn a_projector_that_lost_its_lease_is_not_stalled_any_more() {
    let service = Service::start().await;
    let tally = service.tally("acme", 6).await;
    commit_from_the_future(&service, tally).await;
    let projector = service.projector();
    until(&projector, |status| status.stalled.is_some()).await;
    take_lease_away(&service).await;
    until(&projector, |status| status.fenced == 1).await;
    assert_eq!(projector.status().stalled, None, "that is the affair of who has the lease");
}

/// The board, with something wrong in it for tallies that have counted to 5.
struct Broken(Breakage);

enum Breakage {
    Panic,
    KeyOfAnotherKind,
    RowWithAnotherKey,
    /// Until somebody mends it.
    PanicWhile(Arc<AtomicBool>),
}

impl Projection for Broken {
    type Event = TallyEvent;
    type Row = TallyRow;

    const NAME: &'static str = TallyBoard::NAME;

    fn key(&self, event: &Recorded<'_, TallyEvent>) -> Option<Value> {
        if matches!(self.0, Breakage::KeyOfAnotherKind) && is_the_fifth(event) {
            return Some(5_i64.to_value());
        }
        TallyBoard.key(event)
    }

    fn fold(&self, row: Option<TallyRow>, event: &Recorded<'_, TallyEvent>) -> Option<TallyRow> {
        let mut row = TallyBoard.fold(row, event)?;
        if is_the_fifth(event) {
            match &self.0 {
                Breakage::KeyOfAnotherKind => {}
                Breakage::Panic => panic!("a bug in the projection"),
                Breakage::RowWithAnotherKey => row.tally = Uuid::nil(),
                Breakage::PanicWhile(is_broken) => assert!(!is_broken.load(Ordering::SeqCst)),
            }
        }
        Some(row)
    }
}

fn is_the_fifth(event: &Recorded<'_, TallyEvent>) -> bool {
    matches!(event.event, TallyEvent::Counted { to: 5 })
}

async fn assert_stalls(breakage: Breakage, reason: &str) {
    let service = Service::start().await;
    service.tally("acme", 7).await;
    let projector = service.projector_of(Broken(breakage), 1, service.store.clone());
    until(&projector, |status| status.stalled.is_some()).await;
    let status = projector.status();
    let stalled = status.stalled.expect("it is stalled");
    assert!(stalled.contains(reason), "{stalled}");
    assert_eq!(status.checkpoint, 4);
    assert_eq!(service.rows("acme").await[0].steps, 4);
}

#[tokio::test(start_paused = true)]
async fn a_projection_that_panics_stops_the_projector_and_not_the_process() {
    assert_stalls(Breakage::Panic, "the projection panicked").await;
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_kind_stops_the_projector() {
    assert_stalls(Breakage::KeyOfAnotherKind, "the key Int(5) is not of the kind Uuid").await;
}

#[tokio::test(start_paused = true)]
async fn a_row_with_another_key_stops_the_projector() {
    assert_stalls(Breakage::RowWithAnotherKey, "the row has another key than the event").await;
}

#[tokio::test(start_paused = true)]
async fn a_projector_goes_on_when_what_stopped_it_is_mended() {
    let service = Service::start().await;
    let is_broken = Arc::new(AtomicBool::new(true));
    service.tally("acme", 7).await;
    let projection = Broken(Breakage::PanicWhile(is_broken.clone()));
    let projector = service.projector_of(projection, 1, Arc::new(service.backend()));
    until(&projector, |status| status.stalled.is_some()).await;
    is_broken.store(false, Ordering::SeqCst);
    caught_up(&projector).await;
    assert_eq!(projector.status().stalled, None);
    assert_eq!(service.rows("acme").await[0].steps, 7);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_lost_fold_nothing_twice() {
    for lost in [Fate::AnswerLost, Fate::DoneInSilence, Fate::Silence, Fate::Refused] {
        let service = Service::start().await;
        let dice = Dice::seeded(1);
        let plan = move |_| if dice.percent(30) { lost } else { Fate::Pass };
        let backend = Unreliable::new(Arc::new(service.backend()), plan);
        let projector = service.projector_on(1, Arc::new(backend));
        let tally = service.tally("acme", 20).await;
        for _ in 0..5 {
            service.count("acme", tally, 3).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let caught_up = timeout(LONG * 10, projector.caught_up()).await;
        caught_up.expect("it should catch up").expect("the projector runs");
        assert!(projector.status().failures > 5, "{lost:?}");
        assert_eq!(service.rows("acme").await[0].steps, 35, "{lost:?}");
        service.assert_audited();
    }
}

#[tokio::test(start_paused = true)]
async fn a_projector_recovers_from_an_outage_without_a_restart() {
    let service = Service::start().await;
    let is_away = Arc::new(AtomicBool::new(true));
    let away = is_away.clone();
    let plan = move |_| if away.load(Ordering::SeqCst) { Fate::Refused } else { Fate::Pass };
    let backend = Unreliable::new(Arc::new(service.backend()), plan);
    let projector = service.projector_on(1, Arc::new(backend));
    let tally = service.tally("acme", 3).await;
    for round in 1..=4 {
        is_away.store(true, Ordering::SeqCst);
        service.count("acme", tally, 3).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        is_away.store(false, Ordering::SeqCst);
        caught_up(&projector).await;
        assert_eq!(service.rows("acme").await[0].steps, 3 + 3 * round);
    }
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_cannot_reach_the_database_gives_up_and_says_so() {
    let service = Service::start().await;
    let is_away = Arc::new(AtomicBool::new(false));
    let away = is_away.clone();
    let plan = move |_| if away.load(Ordering::SeqCst) { Fate::Refused } else { Fate::Pass };
    let backend = Unreliable::new(Arc::new(service.backend()), plan);
    let projector = service.projector_on(1, Arc::new(backend));
    until(&projector, |status| status.holds_lease).await;
    is_away.store(true, Ordering::SeqCst);
    let error = timeout(LONG, projector.stop()).await.expect("it ends").expect_err("it gave up");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("will expire"), "{error}");
}
