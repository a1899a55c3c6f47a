//! The view `outbox_status`: what became of each event, for each reader.

mod harness;

use harness::{FileHarness, open_as_other};
use idp_application::{
    Actor, Application, AsideReason, Claim, Context, DeadLetterAction, DeadLetterCommand,
    DeadLetters, Deliveries, DeliveryKey, LaneLease, LaneProgress, LaneRecord, OutboxLog, Reader,
    SetAside, Settlement, Sharding, WorkerId,
};
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Timestamp, Uuid};
use std::time::Duration;

const WORKER: WorkerId = WorkerId(Uuid::from_u128(1));
const LONG: Duration = Duration::from_secs(3_600);

/// Long after any test.
const LATER: i64 = 4_000_000_000_000_000;

fn acme() -> TenantId {
    TenantId::new("acme").expect("valid")
}

/// One event of each of these counters, in this order.
async fn count(harness: &FileHarness, numbers: &[u128]) {
    let app = Application::new(harness.store.clone());
    for number in numbers {
        let id = CounterId::from_uuid(Uuid::from_u128(*number));
        let unit = app.begin(Context::new(acme(), Actor::new("ann")));
        match unit.find::<Counter>(id).await.expect("readable") {
            Some(mut counter) => counter.observe(),
            None => {
                let mut counter = Counter::new(id);
                counter.observe();
                unit.add(counter).expect("it is new");
            }
        }
        unit.commit().await.expect("nothing is in its way");
    }
}

/// A worker of a reader of the whole log.
struct Worker<'h> {
    harness: &'h FileHarness,
    reader: Reader,
    lease: LaneLease,
}

impl<'h> Worker<'h> {
    async fn start(harness: &'h FileHarness, sharding: Sharding, lane: usize) -> Self {
        let reader = Reader { name: format!("{sharding:?}"), sharding };
        harness.store.join(&reader, WORKER, LONG).await.expect("it can join");
        let claim = Claim { worker: WORKER, lanes_max: u16::MAX, lease_ttl: LONG };
        let leases = harness.store.claim(&reader, claim).await.expect("it can claim");
        Self { harness, reader, lease: leases[lane] }
    }

    /// Reads so many events, of which the nth is set aside for the nth reason.
    async fn take(&mut self, reasons: &[Option<AsideReason>]) {
        let limit = u32::try_from(reasons.len()).expect("few");
        let batches = self.harness.store.read(&[self.lease], limit).await.expect("readable");
        let batch = &batches[0];
        assert_eq!(batch.events.len(), reasons.len());
        let mut aside = Vec::new();
        for (event, reason) in batch.events.iter().zip(reasons) {
            self.lease.sequence += 1;
            let (sequence, envelope) = (self.lease.sequence, event.envelope.clone());
            aside.extend(reason.clone().map(|reason| SetAside { envelope, sequence, reason }));
        }
        self.lease.cursor = batch.through;
        let LaneLease { lane, epoch, cursor, sequence } = self.lease;
        let progress = LaneProgress { lane, epoch, cursor, sequence };
        let records = [LaneRecord { progress, aside }];
        let held = self.harness.store.record(&self.reader, &records, LONG).await;
        assert_eq!(held.expect("recorded"), [lane]);
    }

    async fn command(&self, number: u128, action: DeadLetterAction) {
        let store = &self.harness.store;
        let key = DeliveryKey { tenant: acme(), aggregate_id: Uuid::from_u128(number) };
        let parked = store.parked(&self.reader.name, None, None, 10).await.expect("listed");
        let parked = parked.into_iter().find(|parked| parked.key == key).expect("it is parked");
        let revision = parked.revision;
        let (actor, reason) = (Actor::new("ann"), "no use".into());
        let command = DeadLetterCommand { actor, key, revision, action, reason };
        store.command(&self.reader.name, &command).await.expect("it can be done");
    }

    async fn due(&self) -> usize {
        let due = self.harness.store.due(&self.reader, &[self.lease], 10).await.expect("asked");
        due.batches.iter().map(|batch| batch.entries.len()).sum()
    }

    /// The status, the retry count, the last error and the time of each event, as text.
    fn statuses(&self) -> Vec<String> {
        const STATUS: &str = "
            SELECT status || ' ' || retry_count || coalesce(' ' || last_error, '')
                          || coalesce(' at ' || deliver_at, '')
                          || iif(position IS NULL, ' gone', '')
              FROM outbox_status WHERE reader = ?1 ORDER BY created_at, position";
        let connection = open_as_other(&self.harness.path);
        let mut statement = connection.prepare(STATUS).expect("the view is there");
        let rows = statement.query_map([&self.reader.name], |row| row.get(0));
        rows.expect("it can be read").map(|row| row.expect("a row")).collect()
    }
}

fn refused(error: &str) -> Option<AsideReason> {
    Some(AsideReason::Refused(error.into()))
}

#[tokio::test]
async fn an_event_is_new_until_it_was_recorded_and_then_sent() {
    let harness = FileHarness::start().await;
    count(&harness, &[1, 2, 3]).await;
    let mut worker = Worker::start(&harness, Sharding::Whole, 0).await;
    assert_eq!(worker.statuses(), ["NEW 0", "NEW 0", "NEW 0"]);
    worker.take(&[None, None]).await;
    assert_eq!(worker.statuses(), ["SENT 0", "SENT 0", "NEW 0"]);
    let other = Worker::start(&harness, Sharding::ByLane, 0).await;
    assert_eq!(other.statuses(), ["NEW 0", "NEW 0", "NEW 0"], "each reader has its own");
}

#[tokio::test]
async fn a_reader_by_lane_is_shown_lane_by_lane() {
    let harness = FileHarness::start().await;
    count(&harness, &[1, 2, 1]).await;
    // The lane of the second counter of acme, as the frozen vectors have it.
    let mut worker = Worker::start(&harness, Sharding::ByLane, 35).await;
    worker.take(&[None]).await;
    assert_eq!(worker.statuses(), ["NEW 0", "SENT 0", "NEW 0"]);
}

#[tokio::test]
async fn what_is_parked_is_an_error_until_it_is_resumed() {
    let harness = FileHarness::start().await;
    count(&harness, &[1, 2, 1]).await;
    let mut worker = Worker::start(&harness, Sharding::Whole, 0).await;
    worker.take(&[refused("too large"), None, Some(AsideReason::Behind)]).await;
    let parked = "ERR 1 too large";
    assert_eq!(worker.statuses(), [parked, "SENT 0", parked]);
    worker.command(1, DeadLetterAction::Resume).await;
    let resumed = "NEW 1 too large";
    assert_eq!(worker.statuses(), [resumed, "SENT 0", resumed]);
    assert_eq!(worker.due().await, 2);
    let LaneLease { lane, epoch, .. } = worker.lease;
    let refused = Some((2, "too large still".into()));
    let settlement = Settlement { lane, epoch, through: 1, refused };
    let _ = harness.store.settle(&worker.reader, &settlement).await.expect("settled");
    assert_eq!(worker.statuses(), ["SENT 0", "SENT 0", "ERR 2 too large still"]);
}

#[tokio::test]
async fn a_scheduled_event_is_new_until_it_was_sent() {
    let harness = FileHarness::start().await;
    count(&harness, &[1, 1, 2]).await;
    let mut worker = Worker::start(&harness, Sharding::Whole, 0).await;
    let at = |micros| Some(AsideReason::Scheduled(Timestamp::from_unix_micros(micros)));
    worker.take(&[at(LATER), refused("no"), at(1)]).await;
    let scheduled = format!("NEW 0 at {LATER}");
    assert_eq!(worker.statuses(), [scheduled.as_str(), "ERR 1 no", "NEW 0 at 1"]);
    assert_eq!(worker.due().await, 1);
    let LaneLease { lane, epoch, .. } = worker.lease;
    let settlement = Settlement { lane, epoch, through: 1, refused: None };
    let _ = harness.store.settle(&worker.reader, &settlement).await.expect("settled");
    assert_eq!(worker.statuses(), [scheduled.as_str(), "ERR 1 no", "SENT 0"]);
}

#[tokio::test]
async fn a_discarded_event_is_an_error_that_says_who_and_why() {
    let harness = FileHarness::start().await;
    count(&harness, &[1, 1, 2, 2]).await;
    let mut worker = Worker::start(&harness, Sharding::Whole, 0).await;
    let behind = Some(AsideReason::Behind);
    worker.take(&[refused("no"), behind.clone(), refused("no"), behind]).await;
    let key = DeliveryKey { tenant: acme(), aggregate_id: Uuid::from_u128(1) };
    let events = harness.store.events(&worker.reader.name, &key).await.expect("listed");
    let event = events[0].envelope.event_id;
    worker.command(1, DeadLetterAction::Discard { event }).await;
    worker.command(2, DeadLetterAction::DiscardKey).await;
    let discarded = "ERR 0 discarded by ann: no use";
    assert_eq!(worker.statuses(), [discarded, "ERR 1 no", discarded, discarded]);
}

#[tokio::test]
async fn what_is_set_aside_is_shown_when_the_log_was_purged() {
    let harness = FileHarness::start().await;
    count(&harness, &[1, 2, 3]).await;
    let mut worker = Worker::start(&harness, Sharding::Whole, 0).await;
    worker.take(&[refused("no"), None]).await;
    let purge = "DELETE FROM idp_outbox WHERE position <= 2";
    open_as_other(&harness.path).execute(purge, []).expect("it can be purged");
    assert_eq!(worker.statuses(), ["ERR 1 no gone", "NEW 0"]);
}

#[tokio::test]
async fn a_tenant_that_is_split_off_is_shown_at_its_own_position() {
    let harness = FileHarness::start().await;
    count(&harness, &[1, 2, 3]).await;
    let mut worker = Worker::start(&harness, Sharding::Whole, 0).await;
    worker.take(&[None, None]).await;
    open_as_other(&harness.path)
        .execute("INSERT INTO idp_tenant_track VALUES (?1, -1, 'acme', 1, 0, 1, 1)", ["Whole"])
        .expect("a track can be made");
    assert_eq!(worker.statuses(), ["SENT 0", "NEW 0", "NEW 0"]);
}
