//! A worker of a relay on PostgreSQL: reads the log, sets aside, and knows what was recorded.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use crate::harness::PgHarness;
use idp_application::{
    Actor, Application, AsideReason, Claim, Context, DeadLetterAction, DeadLetterCommand,
    DeadLetters, Deliveries, DeliveryKey, LaneLease, LaneProgress, LaneRecord, OutboxLog, Reader,
    SetAside, Sharding, WorkerId,
};
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_postgres::PgStore;
use std::sync::Arc;
use std::time::Duration;

pub const WORKER: WorkerId = WorkerId(Uuid::from_u128(1));
pub const LONG: Duration = Duration::from_secs(3_600);

pub fn acme() -> TenantId {
    TenantId::new("acme").expect("valid")
}

pub fn key(number: u128) -> DeliveryKey {
    DeliveryKey { tenant: acme(), aggregate_id: Uuid::from_u128(number) }
}

pub fn refused(error: &str) -> Option<AsideReason> {
    Some(AsideReason::Refused(error.into()))
}

/// One event of each of these counters, in this order.
pub async fn count(harness: &PgHarness, numbers: &[u128]) {
    let app = Application::new(Arc::new(harness.store().clone()));
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

pub struct Courier {
    pub store: PgStore,
    pub reader: Reader,
    pub leases: Vec<LaneLease>,
}

impl Courier {
    /// A worker of the whole log, or of all lanes.
    pub async fn start(store: &PgStore, sharding: Sharding) -> Self {
        let reader = Reader { name: format!("{sharding:?}"), sharding };
        store.join(&reader, WORKER, LONG).await.expect("it can join");
        let claim = Claim { worker: WORKER, lanes_max: u16::MAX, lease_ttl: LONG };
        let leases = store.claim(&reader, claim).await.expect("it can claim");
        Self { store: store.clone(), reader, leases }
    }

    /// Reads so many events, of which the nth is set aside for the nth reason, and gives what is to
    /// be recorded.
    pub async fn sort(&mut self, reasons: &[Option<AsideReason>]) -> Vec<LaneRecord> {
        let limit = u32::try_from(reasons.len()).expect("few");
        let batches = self.store.read(&self.leases, limit).await.expect("readable");
        let mut reasons = reasons.iter();
        let mut records = Vec::new();
        for batch in batches {
            let mut leases = self.leases.iter_mut();
            let lease = leases.find(|lease| lease.lane == batch.lane).expect("its lane");
            let mut aside = Vec::new();
            for event in batch.events {
                lease.sequence += 1;
                let (sequence, envelope) = (lease.sequence, event.envelope);
                let reason = reasons.next().expect("no more than the limit").clone();
                aside.extend(reason.map(|reason| SetAside { envelope, sequence, reason }));
            }
            lease.cursor = batch.through;
            let LaneLease { lane, epoch, cursor, sequence } = *lease;
            records.push(LaneRecord {
                progress: LaneProgress { lane, epoch, cursor, sequence },
                aside,
            });
        }
        assert_eq!(reasons.len(), 0, "fewer events than there should be");
        records
    }

    /// The same, recorded.
    pub async fn take(&mut self, reasons: &[Option<AsideReason>]) {
        let records = self.sort(reasons).await;
        let held = self.store.record(&self.reader, &records, LONG).await.expect("recorded");
        assert_eq!(held.len(), records.len());
    }

    pub async fn command(&self, number: u128, action: DeadLetterAction) {
        let parked = self.store.parked(&self.reader.name, None, None, 10).await.expect("listed");
        let parked = parked.into_iter().find(|parked| parked.key == key(number));
        let revision = parked.expect("it is parked").revision;
        let command = self.command_about(number, revision, action);
        self.store.command(&self.reader.name, &command).await.expect("it can be done");
    }

    pub fn command_about(
        &self,
        number: u128,
        revision: i64,
        action: DeadLetterAction,
    ) -> DeadLetterCommand {
        let (actor, reason) = (Actor::new("ann"), "no use".into());
        DeadLetterCommand { actor, key: key(number), revision, action, reason }
    }

    pub async fn due(&self) -> usize {
        let due = self.store.due(&self.reader, &self.leases, 10).await.expect("asked");
        due.batches.iter().map(|batch| batch.entries.len()).sum()
    }
}
