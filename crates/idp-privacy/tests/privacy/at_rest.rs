//! Payloads are encrypted in the store, and in clear for those who have the keys.

use crate::support::{EveryTenant, all_events, key_id, tenant};
use idp_application::{
    Actor, Application, BoxFuture, ChangeSet, CloudEvent, Context, Error, ErrorKind, LoggedEvent,
    NewEvent, Store as _, Transform as _, TransformError,
};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId};
use idp_memory::MemoryStore;
use idp_privacy::{
    Cipher, Decrypt, DecryptError, Encrypted, Key, KeyId, KeyRing, MemoryKeyRing, SHREDDED,
    Subject, SystemRandom,
};
use idp_testkit::{TALLY_TABLES, Tally, TallyId};
use std::sync::Arc;

pub(crate) struct Fixture {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) keys: Arc<MemoryKeyRing>,
    pub(crate) encrypted: Arc<Encrypted<MemoryStore>>,
    app: Application,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        use idp_application::Migrate as _;
        let store = Arc::new(MemoryStore::default());
        store.migrate(TALLY_TABLES).await.expect("no tables yet");
        let keys = Arc::new(MemoryKeyRing::default());
        for name in ["acme", "other"] {
            keys.add(tenant(name), key("k1")).expect("a new id");
        }
        let cipher = Cipher::new(keys.clone());
        let encrypted = Arc::new(Encrypted::new(Arc::clone(&store), cipher));
        let app = Application::new(encrypted.clone());
        Self { store, keys, encrypted, app }
    }

    fn cipher(&self) -> Cipher {
        Cipher::new(self.keys.clone())
    }

    /// Commits one event of that tenant.
    pub(crate) async fn count(&self, name: &str) -> Result<(), Error> {
        let context = Context::new(tenant(name), Actor::new("tester"));
        let counted = self.app.run(context, async |uow| {
            let mut tally = Tally::new(uow.new_id::<TallyId>());
            tally.count(1);
            uow.add(tally)?;
            Ok::<_, Error>(())
        });
        counted.await
    }

    async fn stored(&self, reader: &str) -> Vec<LoggedEvent> {
        all_events(&*self.store, reader).await.expect("the store reads")
    }

    async fn read(&self, reader: &str) -> Result<Vec<LoggedEvent>, Error> {
        all_events(&*self.encrypted, reader).await
    }
}

fn key(id: &str) -> Key {
    Key::generate(key_id(id), &SystemRandom).expect("randomness")
}

fn payloads(events: &[LoggedEvent]) -> Vec<&str> {
    events.iter().map(|event| &*event.envelope.payload).collect()
}

#[tokio::test]
async fn the_store_holds_json_that_says_nothing_and_readers_get_the_event() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    let stored = fixture.stored("a").await.remove(0).envelope;
    let json: serde_json::Value = serde_json::from_str(&stored.payload).expect("it is JSON");
    assert!(json["ciphertext"].is_string() && json["header"]["kid"] == "k1", "{json}");
    assert!(!stored.is_intact(&ContentHasher::Plain));
    let read = fixture.read("b").await.expect("the keys are there").remove(0).envelope;
    assert!(read.is_intact(&ContentHasher::Plain), "the hash is that of the event in clear");
    assert!(!stored.payload.contains(&read.payload) && read.payload.len() > 2);
    assert_eq!(stored.content_hash(), read.content_hash());
}

#[tokio::test]
async fn each_event_is_encrypted_with_a_key_of_its_own() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    fixture.count("acme").await.expect("committed");
    let stored = fixture.stored("a").await;
    let member = |at: usize, name: &str| {
        let json: serde_json::Value = serde_json::from_str(payloads(&stored)[at]).expect("JSON");
        json[name].to_string()
    };
    for name in ["encrypted_key", "iv", "ciphertext"] {
        assert_ne!(member(0, name), member(1, name), "{name}");
    }
}

#[tokio::test]
async fn old_keys_still_decrypt_after_a_rotation() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    fixture.keys.add(tenant("acme"), key("k2")).expect("a new id");
    fixture.count("acme").await.expect("committed");
    let stored = fixture.stored("a").await;
    let ids: Vec<bool> = payloads(&stored).iter().map(|p| p.contains(r#""kid":"k2""#)).collect();
    assert_eq!(ids, [false, true]);
    let read = fixture.read("b").await.expect("both keys are there");
    assert!(read.iter().all(|event| event.envelope.is_intact(&ContentHasher::Plain)));
}

#[tokio::test]
async fn a_rewrapped_payload_does_not_need_its_old_key() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    let stored = fixture.stored("a").await.remove(0).envelope;
    let (cipher, acme) = (fixture.cipher(), tenant("acme"));
    let document = stored.payload.as_bytes();
    assert!(cipher.rewrap(&acme, document).await.expect("no failure").is_none());
    fixture.keys.add(acme.clone(), key("k2")).expect("a new id");
    let rewrapped = cipher.rewrap(&acme, document).await.expect("no failure").expect("another key");
    fixture.keys.destroy(&acme, &key_id("k1"));
    let subject = Subject::of_record(&stored);
    let gone = cipher.decrypt(subject, document).await.expect_err("its key is destroyed");
    assert!(matches!(gone, DecryptError::Shredded(id) if id == key_id("k1")));
    let opened = cipher.decrypt(subject, rewrapped.as_bytes()).await.expect("the new key opens it");
    assert_eq!(opened.0, "application/json");
}

#[tokio::test]
async fn the_events_of_a_shredded_tenant_are_unreadable_and_stand_in_nobodys_way() {
    let fixture = Fixture::start().await;
    for name in ["acme", "other", "acme"] {
        fixture.count(name).await.expect("committed");
    }
    fixture.keys.shred(&tenant("acme"));
    let read = fixture.read("a").await.expect("the others are readable");
    let seen: Vec<(&str, bool)> = read
        .iter()
        .map(|event| (&*event.envelope.event_type, event.envelope.payload == "null"))
        .collect();
    assert_eq!((seen.len(), seen[0], seen[2]), (3, (SHREDDED, true), (SHREDDED, true)));
    assert!(read[1].envelope.is_intact(&ContentHasher::Plain));
    let error = fixture.count("acme").await.expect_err("there is no key to encrypt with");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(fixture.stored("b").await.len(), 3, "nothing was written in clear");
}

#[tokio::test]
async fn a_payload_that_was_swapped_is_not_read() {
    let fixture = Fixture::start().await;
    for name in ["acme", "acme", "other"] {
        fixture.count(name).await.expect("committed");
    }
    let stored = fixture.stored("a").await;
    for (into, from) in [(0, 1), (0, 2)] {
        let mut record = stored[into].envelope.clone().into_record();
        record.payload = stored[from].envelope.payload.clone();
        let subject = Subject::of_record(&record);
        let error = fixture.cipher().decrypt(subject, record.payload.as_bytes()).await;
        assert!(matches!(error, Err(DecryptError::Damaged(_))), "{from} in the place of {into}");
    }
}

/// Commits an event past the encryption, as a version of the service without it did.
pub(crate) async fn commit_as_it_is(fixture: &Fixture, payload: &str) -> Envelope {
    let committed = fixture.stored("template").await.remove(0).envelope;
    let mut record = committed.into_record();
    record.event_id = idp_domain::Uuid::from_u128(0xc1ea);
    record.payload = payload.into();
    let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
    let events = vec![NewEvent { envelope: envelope.clone() }];
    let changes = ChangeSet { tenant: tenant("acme"), writes: vec![], events };
    fixture.store.commit(changes).await.expect("committed");
    envelope
}

#[tokio::test]
async fn events_from_before_the_encryption_are_still_read() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    let clear = commit_as_it_is(&fixture, r#"{"a":1}"#).await;
    assert_eq!(fixture.read("a").await.expect("readable")[1].envelope, clear);
    let event = CloudEvent::of(clear, "/".into());
    let lenient = Decrypt::new(fixture.cipher());
    assert_eq!(lenient.apply(event.clone()).await.expect("it passes"), event);
    let strict = Decrypt::new(fixture.cipher()).refusing_clear();
    assert!(matches!(strict.apply(event).await, Err(TransformError::Refused(_))));
}

#[tokio::test]
async fn a_changed_payload_is_an_error_that_names_the_event() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    let other = fixture.stored("a").await.remove(0).envelope.payload.clone();
    commit_as_it_is(&fixture, &other).await;
    let error = fixture.read("b").await.expect_err("it is of another event");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("c1ea"), "{error}");
}

/// A relay over the store itself decrypts on the way to each target.
#[tokio::test]
async fn a_target_gets_in_clear_what_is_encrypted_in_the_store() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    let clear = fixture.read("a").await.expect("readable").remove(0).envelope;
    let stored = fixture.stored("b").await.remove(0).envelope;
    let decrypt = Decrypt::new(fixture.cipher()).refusing_clear();
    let sent = decrypt.apply(CloudEvent::of(stored.clone(), "/".into())).await.expect("readable");
    assert_eq!(sent, CloudEvent::of(clear, "/".into()));
    let mut edited = stored.clone().into_record();
    edited.metadata.insert(EventRecord::EDITED_FROM.into(), "x".into());
    let edited = Envelope::restore(edited, stored.content_hash());
    let sent = decrypt.apply(CloudEvent::of(edited, "/".into())).await.expect("readable");
    assert_eq!(sent.content_hash, None);
    fixture.keys.shred(&tenant("acme"));
    let event = CloudEvent::of(stored, "/".into());
    let gone = decrypt.apply(event.clone()).await;
    assert!(matches!(gone, Err(TransformError::Gone(_))), "nothing waits for it");
    let refused = decrypt.refusing_shredded().apply(event).await;
    assert!(matches!(refused, Err(TransformError::Refused(_))), "an operator wants to see it");
}

/// A key service that is away.
struct Away;

impl KeyRing for Away {
    fn current<'a>(&'a self, _: &'a TenantId) -> BoxFuture<'a, Result<Key, Error>> {
        Box::pin(async { Err(away()) })
    }

    fn find<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a KeyId,
    ) -> BoxFuture<'a, Result<Option<Key>, Error>> {
        Box::pin(async { Err(away()) })
    }
}

fn away() -> Error {
    Error::new(ErrorKind::Unavailable, "find a key", "the key service is away")
}

#[tokio::test]
async fn a_key_service_that_is_away_is_waited_for_and_nothing_is_lost() {
    let fixture = Fixture::start().await;
    fixture.count("acme").await.expect("committed");
    let without = Encrypted::new(Arc::clone(&fixture.store), Cipher::new(Arc::new(Away)));
    let error = all_events(&without, "a").await.expect_err("away");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let stored = fixture.stored("b").await.remove(0).envelope;
    let event = CloudEvent::of(stored.clone(), "/".into());
    let waiting = Decrypt::new(Cipher::new(Arc::new(Away))).apply(event).await;
    assert!(matches!(waiting, Err(TransformError::Unavailable(_))));
    let events = vec![NewEvent { envelope: stored }];
    let changes = ChangeSet { tenant: tenant("acme"), writes: vec![], events };
    assert!(without.commit(changes).await.is_err());
    assert_eq!(fixture.stored("c").await.len(), 1);
    let other_keys = Encrypted::new(Arc::clone(&fixture.store), Cipher::new(Arc::new(EveryTenant)));
    let error = all_events(&other_keys, "d").await.expect_err("another key of that id");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}
