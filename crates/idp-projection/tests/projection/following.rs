//! Without faults: everything shows, once, and soon.

use crate::service::{Service, caught_up, config, rung, until, worker_id};
use idp_application::{Actor, Context, Migrate, Projection, Recorded};
use idp_domain::{DomainEvent, EntityId, FieldType, ReadModel, Record, TenantId, Uuid, Value};
use idp_projection::{Projector, ProjectorConfig};
use idp_testkit::{Tally, TallyBoard, TallyId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn rows_are_the_fold_of_all_events_with_the_number_of_the_last_as_revision() {
    let service = Service::start().await;
    let first = service.tally("acme", 3).await; // events 1 to 3
    let second = service.tally("acme", 1).await; // 4
    service.tally("globex", 9).await; // 5 to 13
    service.count("acme", first, 2).await; // 14, 15
    let projector = service.projector();
    caught_up(&projector).await;
    let rows = service.rows("acme").await;
    let told: Vec<_> = rows.iter().map(|r| (r.tally, r.count, r.steps, r.revision)).collect();
    assert_eq!(told, [(second.uuid(), 1, 1, 4), (first.uuid(), 5, 5, 15)]);
    assert_eq!(service.rows("globex").await.len(), 1);
    assert_eq!(projector.status().checkpoint, 15);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn rows_of_two_tenants_with_one_key_are_two_rows() {
    let service = Service::start().await;
    let id = TallyId::from_uuid(Uuid::from_u128(0xA11));
    for (tenant, times) in [("acme", 1), ("globex", 2)] {
        let context = Context::new(TenantId::new(tenant).expect("valid"), Actor::new("tester"));
        let unit = service.app().begin(context);
        let mut tally = Tally::new(id);
        tally.count(times);
        unit.add(tally).expect("it is new to the tenant");
        unit.commit().await.expect("it is new to the tenant");
    }
    let projector = service.projector();
    caught_up(&projector).await;
    assert_eq!(projector.status().batches, 1, "both in one batch");
    assert_eq!(service.rows("acme").await[0].steps, 1);
    assert_eq!(service.rows("globex").await[0].steps, 2);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_row_goes_when_the_fold_says_so_and_may_come_again() {
    let service = Service::start().await;
    let projector = service.projector();
    let tally = service.tally("acme", 2).await;
    caught_up(&projector).await;
    service.change("acme", tally, Tally::wipe).await;
    caught_up(&projector).await;
    assert!(service.rows("acme").await.is_empty());
    service.count("acme", tally, 1).await;
    caught_up(&projector).await;
    assert_eq!(service.rows("acme").await[0].steps, 1);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_this_process_shows_at_once() {
    let service = Service::start().await;
    let projector = service.projector();
    caught_up(&projector).await;
    let mut updated = projector.updated().listen();
    let start = Instant::now();
    service.tally("acme", 1).await;
    rung(&mut updated).await;
    assert!(start.elapsed() < Duration::from_millis(5), "{:?}", start.elapsed());
    assert_eq!(service.rows("acme").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_another_process_shows_within_the_poll_interval() {
    let service = Service::start().await;
    let here = Service::start().await; // whose signal nobody rings
    let projector = here.projector_on(1, service.store.clone());
    caught_up(&projector).await;
    let mut updated = projector.updated().listen();
    let start = Instant::now();
    service.tally("acme", 1).await;
    rung(&mut updated).await;
    assert!(start.elapsed() <= Duration::from_millis(500), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn events_that_change_no_row_are_counted_and_passed_over() {
    let service = Service::start().await;
    let tally = service.tally("acme", 1).await;
    service.change("acme", tally, |tally| tally.note("nothing to see")).await;
    let projector = service.projector();
    caught_up(&projector).await;
    let status = projector.status();
    assert_eq!((status.checkpoint, status.rows_written), (2, 1));
    assert_eq!(service.rows("acme").await[0].revision, 1);
    service.assert_audited();
}

/// Follows wipes only; the other events of a tally are none of its business.
struct WipeCount;

#[derive(DomainEvent, Clone, Debug, PartialEq)]
enum WipeEvent {
    #[event(name = "tally.wiped")]
    Wiped,
}

#[derive(ReadModel, Clone, Debug, PartialEq)]
#[read_model(name = "wipe_count", key = tally)]
struct WipeRow {
    tally: Uuid,
    wipes: i64,
}

impl Projection for WipeCount {
    type Event = WipeEvent;
    type Row = WipeRow;

    const NAME: &'static str = "wipe_count";

    fn key(&self, event: &Recorded<'_, WipeEvent>) -> Option<Value> {
        Some(event.envelope.aggregate_id.to_value())
    }

    fn fold(&self, row: Option<WipeRow>, event: &Recorded<'_, WipeEvent>) -> Option<WipeRow> {
        let wipes = row.map_or(0, |row| row.wipes);
        Some(WipeRow { tally: event.envelope.aggregate_id, wipes: wipes + 1 })
    }
}

#[tokio::test(start_paused = true)]
async fn events_of_others_are_passed_over() {
    let service = Service::start().await;
    service.store.migrate(&[WipeRow::SCHEMA]).await.expect("the table can be made");
    let tally = service.tally("acme", 5).await;
    service.change("acme", tally, Tally::wipe).await;
    let projector = service.projector_of(WipeCount, 1, service.store.clone());
    caught_up(&projector).await;
    let status = projector.status();
    assert_eq!((status.checkpoint, status.rows_written), (6, 1));
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_one_transaction_however_many_rows_it_has() {
    let service = Service::start().await;
    for _ in 0..8 {
        service.tally("acme", 1).await;
    }
    let projector = service.projector();
    caught_up(&projector).await;
    let status = projector.status();
    assert_eq!((status.batches, status.rows_written, status.events), (2, 8, 8));
}

#[tokio::test(start_paused = true)]
async fn the_next_projector_goes_on_where_one_was_stopped() {
    let service = Service::start().await;
    let tally = service.tally("acme", 3).await;
    let projector = service.projector();
    caught_up(&projector).await;
    projector.stop().await.expect("the store answers");
    service.count("acme", tally, 3).await;
    let start = Instant::now();
    let next = service.projector_on(2, Arc::new(service.backend()));
    caught_up(&next).await;
    assert!(start.elapsed() < Duration::from_millis(5), "the lease was given back");
    assert_eq!(next.status().events, 3);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_projector_that_was_stopped_holds_no_lease_and_says_so() {
    let service = Service::start().await;
    let projector = service.projector();
    until(&projector, |status| status.holds_lease).await;
    let status = projector.watch();
    projector.stop().await.expect("the store answers");
    assert!(!status.borrow().holds_lease);
}

#[tokio::test(start_paused = true)]
async fn a_configuration_out_of_bounds_starts_no_projector() {
    let service = Service::start().await;
    let config = ProjectorConfig { batch_size: 0, ..config() };
    let committed = service.app().committed();
    let projector =
        Projector::new(config, TallyBoard, service.store.clone(), worker_id(1), committed);
    let error = projector.err().expect("0 is out of bounds");
    assert!(error.message().contains("`batch_size` must be within 1..=10000, got 0"), "{error}");
}
