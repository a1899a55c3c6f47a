//! What a relay sets aside of tenants that have no key to encrypt with any more: it must not hold up
//! what else it records, and nothing that was secret may be kept in clear.

use crate::at_rest::{Fixture, commit_as_it_is};
use crate::support::tenant;
use idp_application::{
    AsideReason, BoxFuture, Claim, DeadLetters, Deliveries, DeliveryKey, Error, ErrorKind,
    LaneProgress, LaneRecord, OutboxLog, Reader, SetAside, Sharding, WorkerId,
};
use idp_domain::{Envelope, TenantId, Uuid};
use idp_memory::MemoryStore;
use idp_privacy::{Cipher, Encrypted, Key, KeyId, KeyRing, MemoryKeyRing, SHREDDED};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

const TTL: Duration = Duration::from_secs(10);

/// Reads all events, lets something happen, and records them as refused. Gives what was read.
async fn refuse_all(
    log: &Encrypted<MemoryStore>,
    meanwhile: impl FnOnce(),
) -> Result<Vec<Envelope>, Error> {
    let reader = Reader { name: "relay".into(), sharding: Sharding::Whole };
    let worker = WorkerId(Uuid::from_u128(1));
    log.join(&reader, worker, TTL).await?;
    let leases = log.claim(&reader, Claim { worker, lanes_max: 1, lease_ttl: TTL }).await?;
    let batch = log.read(&leases, 1_000).await?.remove(0);
    let events: Vec<Envelope> = batch.events.into_iter().map(|event| event.envelope).collect();
    meanwhile();
    let refused = |(sequence, envelope): (i64, &Envelope)| {
        let reason = AsideReason::Refused("too large".into());
        SetAside { envelope: envelope.clone(), sequence, reason }
    };
    let aside: Vec<SetAside> = (1..).zip(&events).map(refused).collect();
    let lease = leases[0];
    let sequence = i64::try_from(events.len()).expect("a few");
    let progress =
        LaneProgress { lane: lease.lane, epoch: lease.epoch, cursor: batch.through, sequence };
    let held = log.record(&reader, &[LaneRecord { progress, aside }], TTL).await?;
    assert_eq!(held, [lease.lane]);
    Ok(events)
}

/// Name and payload of an event that was set aside, as that log gives it.
async fn aside(log: &dyn DeadLetters, event: &Envelope) -> (String, String) {
    let parked = log.events("relay", &DeliveryKey::of(event)).await.expect("readable");
    let found = parked.into_iter().find(|parked| parked.envelope.event_id == event.event_id);
    let record = found.expect("it is set aside").envelope.into_record();
    (record.event_type.into_owned(), record.payload)
}

#[tokio::test]
async fn what_was_in_clear_in_the_log_is_set_aside_in_clear_when_there_is_no_key() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    let clear = commit_as_it_is(&fixture, r#"{"a":1}"#).await;
    fixture.keys.shred(&tenant("acme"));
    let read = refuse_all(&fixture.encrypted, || {}).await.expect("recorded");
    assert_eq!((&*read[0].event_type, &read[1]), (SHREDDED, &clear));
    assert_eq!(aside(&*fixture.store, &clear).await.1, r#"{"a":1}"#);
}

#[tokio::test]
async fn what_cannot_be_encrypted_any_more_is_set_aside_as_shredded() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    fixture.count("other").await.expect("committed");
    commit_as_it_is(&fixture, r#"{"a":1}"#).await;
    let shred = || fixture.keys.shred(&tenant("acme"));
    let read = refuse_all(&fixture.encrypted, shred).await.expect("recorded");
    assert!(read[0].payload.len() > 2 && read[0].event_type != SHREDDED, "it was readable");
    let gone = (SHREDDED.to_owned(), "null".to_owned());
    assert_eq!(aside(&*fixture.store, &read[0]).await, gone);
    assert_eq!(aside(&*fixture.encrypted, &read[0]).await, gone);
    // Of a tenant with a key, and in clear in the log.
    assert!(aside(&*fixture.store, &read[1]).await.1.contains("ciphertext"));
    assert_eq!(aside(&*fixture.encrypted, &read[1]).await.1, read[1].payload);
    assert_eq!(aside(&*fixture.store, &read[2]).await.1, r#"{"a":1}"#);
}

/// Keys of a ring that gives none to encrypt with from some time on.
struct Retired {
    ring: Arc<MemoryKeyRing>,
    state: AtomicU8,
}

const IN_USE: u8 = 0;
const RETIRED: u8 = 1;
const AWAY: u8 = 2;

impl KeyRing for Retired {
    fn current<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Key, Error>> {
        let fail = |kind| Box::pin(async move { Err(Error::new(kind, "find a key", "none")) });
        match self.state.load(Ordering::SeqCst) {
            IN_USE => self.ring.current(tenant),
            RETIRED => fail(ErrorKind::Invalid),
            _ => fail(ErrorKind::Unavailable),
        }
    }

    fn find<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a KeyId,
    ) -> BoxFuture<'a, Result<Option<Key>, Error>> {
        self.ring.find(tenant, id)
    }
}

#[tokio::test]
async fn a_key_that_only_decrypts_any_more_keeps_what_it_opened() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    let ring = Retired { ring: Arc::clone(&fixture.keys), state: AtomicU8::new(IN_USE) };
    let ring = Arc::new(ring);
    let log = Encrypted::new(Arc::clone(&fixture.store), Cipher::new(ring.clone()));
    let retire = || ring.state.store(RETIRED, Ordering::SeqCst);
    let read = refuse_all(&log, retire).await.expect("recorded");
    assert!(aside(&*fixture.store, &read[0]).await.1.contains("ciphertext"));
    assert_eq!(aside(&log, &read[0]).await.1, read[0].payload);
}

#[tokio::test]
async fn a_key_service_that_is_away_sets_nothing_aside_in_clear() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    let ring = Retired { ring: Arc::clone(&fixture.keys), state: AtomicU8::new(IN_USE) };
    let ring = Arc::new(ring);
    let log = Encrypted::new(Arc::clone(&fixture.store), Cipher::new(ring.clone()));
    let error = refuse_all(&log, || ring.state.store(AWAY, Ordering::SeqCst)).await;
    assert_eq!(error.expect_err("it is waited for").kind(), ErrorKind::Unavailable);
}
