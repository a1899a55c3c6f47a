//! An archive whose payloads nobody can read without the keys of their tenants: written by a keeper on a
//! folder, checked without keys, replayed with them, and gone with them. And the archive that refuses what
//! is in clear.

use idp_application::{
    Actor, Application, Claim, Context, Error, KeepingAction, KeepingCommand, LogKeeping, Migrate,
    OutboxLog, PurgePolicy, Reader, Sharding, SystemClock, WorkerId,
};
use idp_domain::{ContentHasher, EntityId, Envelope, TenantId, Uuid};
use idp_keeper::{
    Archive, ArchiveConfig, ArchiveSelection, DirectoryArchive, Keeper, KeeperConfig, KeeperHandle,
    KeeperStatus, Replay,
};
use idp_memory::{MemoryBus, MemoryStore};
use idp_privacy::{
    Cipher, Decrypt, Encrypted, EncryptingLog, Key, KeyId, MemoryKeyRing, SystemRandom,
};
use idp_testkit::{TALLY_TABLES, Tally, TallyId};
use std::collections::HashMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// A log in clear with events of two tenants, keys for both, and a folder for the archive.
struct Fixture {
    store: Arc<MemoryStore>,
    keys: Arc<MemoryKeyRing>,
    folder: TempDir,
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("valid")
}

fn key_id(name: &str) -> KeyId {
    KeyId::new(name).expect("a key id")
}

/// Ten events of that tenant, in clear.
async fn count(app: &Application, name: &str, tally: u128) {
    let counted = app.run(Context::new(tenant(name), Actor::new("ann")), async |uow| {
        let mut tally = Tally::new(TallyId::from_uuid(Uuid::from_u128(tally)));
        tally.count(10);
        uow.add(tally)?;
        Ok::<_, Error>(())
    });
    counted.await.expect("committed");
}

impl Fixture {
    async fn start() -> Self {
        let store = Arc::new(MemoryStore::default());
        store.migrate(TALLY_TABLES).await.expect("a new store has no tables");
        let keys = Arc::new(MemoryKeyRing::default());
        for name in ["acme", "globex"] {
            let key = Key::generate(key_id(&format!("{name}-1")), &SystemRandom);
            keys.add(tenant(name), key.expect("randomness")).expect("a new id");
        }
        let app = Application::new(store.clone());
        count(&app, "acme", 1).await;
        count(&app, "globex", 2).await;
        Self { store, keys, folder: tempfile::tempdir().expect("a folder") }
    }

    fn cipher(&self) -> Cipher {
        Cipher::new(self.keys.clone())
    }

    fn encrypting(&self) -> EncryptingLog<MemoryStore> {
        EncryptingLog::new(self.store.clone(), self.cipher())
    }

    fn shelf(&self) -> Arc<DirectoryArchive> {
        Arc::new(DirectoryArchive::open(self.folder.path()).expect("it opens"))
    }

    /// A keeper of an archive that must hold nothing in clear.
    fn keeper(&self, log: Arc<dyn OutboxLog>) -> KeeperHandle {
        let policy = PurgePolicy { keep_for: Duration::ZERO, ..PurgePolicy::default() };
        let interval = Duration::from_millis(20);
        let backoff_min = Duration::from_millis(5);
        let config = KeeperConfig { policy, interval, backoff_min, ..KeeperConfig::default() };
        let worker = WorkerId(Uuid::from_u128(1));
        let keeping: Arc<dyn LogKeeping> = self.store.clone();
        Keeper::new(config, keeping, worker, Arc::new(SystemClock))
            .and_then(|keeper| keeper.archiving(ArchiveConfig::encrypted(), log, self.shelf()))
            .expect("it is valid")
            .start()
    }

    /// The events as they were committed.
    async fn committed(&self) -> HashMap<Uuid, Envelope> {
        let reader = Reader { name: "test".into(), sharding: Sharding::Whole };
        let (worker, lease_ttl) = (WorkerId(Uuid::from_u128(2)), PATIENCE);
        self.store.join(&reader, worker, lease_ttl).await.expect("joined");
        let claim = Claim { worker, lanes_max: 1, lease_ttl };
        let leases = self.store.claim(&reader, claim).await.expect("claimed");
        let batches = self.store.read(&leases, 1_000).await.expect("read");
        let action = KeepingAction::Forget { reader: reader.name, is_forced: true };
        let (actor, reason) = (Actor::new("ann"), "it was a look".to_owned());
        let forgotten = self.store.keep(&KeepingCommand { actor, action, reason }).await;
        forgotten.expect("it was there");
        let events = batches.into_iter().flat_map(|batch| batch.events);
        events.map(|event| (event.envelope.event_id, event.envelope)).collect()
    }

    /// Archives and drops everything.
    async fn archive(&self, log: Arc<dyn OutboxLog>, events: u64) {
        let keeper = self.keeper(log);
        until(&keeper, |status| status.metrics.events_dropped == events).await;
        keeper.stop().await.expect("it stops");
    }

    async fn opened(&self) -> Archive {
        Archive::open(self.shelf()).await.expect("it can be read")
    }

    /// What is written down, in clear if it is.
    fn lines(&self) -> String {
        let files = std::fs::read_dir(self.folder.path().join("events")).expect("it is there");
        let files = files.map(|file| file.expect("it is there").path());
        let output = Command::new("gzip").arg("-dc").args(files).output().expect("gzip runs");
        String::from_utf8(output.stdout).expect("text")
    }
}

async fn until(keeper: &KeeperHandle, wanted: impl FnMut(&KeeperStatus) -> bool) -> KeeperStatus {
    let mut watch = keeper.watch();
    let met = timeout(PATIENCE, watch.wait_for(wanted)).await;
    met.unwrap_or_else(|_| panic!("{:?}", keeper.status())).expect("it runs").clone()
}

/// What `Tally::count` raises.
fn is_clear(line: &str) -> bool {
    line.contains(r#""payload":"{\"to\":"#)
}

#[tokio::test]
async fn nothing_is_in_clear_in_the_archive_and_it_is_checked_without_keys() {
    let fixture = Fixture::start().await;
    fixture.archive(Arc::new(fixture.encrypting()), 20).await;
    let lines = fixture.lines();
    assert_eq!(lines.lines().count(), 20);
    assert!(lines.lines().all(|line| line.contains("ciphertext") && !is_clear(line)), "{lines}");
    // No key is anywhere near.
    let report = fixture.opened().await.verify().await.expect("it can be read");
    assert!(report.is_whole() && report.events == 20, "{report:?}");
}

#[tokio::test]
async fn a_replay_with_the_keys_sends_what_was_committed() {
    let fixture = Fixture::start().await;
    let committed = fixture.committed().await;
    fixture.archive(Arc::new(fixture.encrypting()), 20).await;
    // A key that came since is no matter.
    let newer = Key::generate(key_id("acme-2"), &SystemRandom).expect("randomness");
    fixture.keys.add(tenant("acme"), newer).expect("a new id");
    let bus = Arc::new(MemoryBus::default());
    let replay = Replay::new("again", bus.clone()).transform(Decrypt::new(fixture.cipher()));
    let report = replay.run(&fixture.opened().await, ArchiveSelection::all()).await;
    let report = report.expect("all keys are there");
    assert_eq!((report.published, report.gone), (20, vec![]));
    for message in bus.messages() {
        let committed = &committed[&message.event.id];
        assert!(committed.is_intact(&ContentHasher::Plain));
        assert_eq!(message.event.data, committed.payload);
        assert_eq!(message.event.content_hash, Some(committed.content_hash()));
    }
}

#[tokio::test]
async fn what_a_tenant_had_is_gone_with_its_keys_and_the_replay_says_which() {
    let fixture = Fixture::start().await;
    fixture.archive(Arc::new(fixture.encrypting()), 20).await;
    fixture.keys.shred(&tenant("acme"));
    let archive = fixture.opened().await;
    let report = archive.verify().await.expect("it can be read");
    assert!(report.is_whole() && report.events == 20, "{report:?}");
    let bus = Arc::new(MemoryBus::default());
    let decrypt = Decrypt::new(fixture.cipher());
    let replay = Replay::new("again", bus.clone()).transform(decrypt.clone());
    let report = replay.run(&archive, ArchiveSelection::all()).await.expect("the rest is sent");
    assert_eq!(report.published, 10);
    assert!(bus.messages().iter().all(|message| message.event.tenant == tenant("globex")));
    let [gone] = &report.gone[..] else { panic!("one tenant is gone: {report:?}") };
    assert_eq!((&gone.tenant, gone.events), (&tenant("acme"), 10));
    assert!(gone.reason.contains("`acme-1`"), "{gone:?}");
    // Where that must not be: the key that is missing is named, too, and the event.
    let strict = Replay::new("strict", bus).transform(decrypt.refusing_shredded());
    let error = strict.run(&archive, ArchiveSelection::all()).await.expect_err("a key is missing");
    assert!(
        error.message().starts_with("event ") && error.message().contains("`acme-1`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_keeper_over_a_log_that_decrypts_archives_nothing_and_drops_nothing() {
    let fixture = Fixture::start().await;
    let encrypted = Arc::new(Encrypted::new(fixture.store.clone(), fixture.cipher()));
    count(&Application::new(encrypted.clone()), "acme", 3).await;
    let keeper = fixture.keeper(encrypted);
    let told = until(&keeper, |status| status.metrics.archive_failures > 2).await;
    let failure = told.last_failure.expect("it failed");
    assert!(failure.contains("is in clear, and this archive takes encrypted payloads only"));
    assert_eq!(keeper.metrics().events_dropped, 0);
    keeper.stop().await.expect("it stops");
    assert!(!fixture.folder.path().join("events").exists());
    // Over a log that encrypts, what was encrypted at the commit stays as it is, and the rest is now.
    fixture.archive(Arc::new(fixture.encrypting()), 30).await;
    assert_eq!(fixture.lines().lines().filter(|line| !is_clear(line)).count(), 30);
}

#[tokio::test]
async fn a_tenant_without_a_key_holds_the_log_until_it_has_one_or_is_forgotten() {
    let fixture = Fixture::start().await;
    fixture.keys.shred(&tenant("acme"));
    let keeper = fixture.keeper(Arc::new(fixture.encrypting()));
    let told = until(&keeper, |status| status.metrics.archive_failures > 2).await;
    let failure = told.last_failure.expect("it failed");
    assert!(failure.contains("tenant `acme` has no key to encrypt with"), "{failure}");
    assert_eq!(keeper.metrics().events_dropped, 0);
    keeper.stop().await.expect("it stops");
    let forgetting = fixture.encrypting().forgetting(|of| *of == tenant("acme"));
    fixture.archive(Arc::new(forgetting), 20).await;
    let lines = fixture.lines();
    let shredded = |line: &&str| {
        line.contains(r#""event_type":"idp.shredded""#) && line.contains(r#""payload":"null""#)
    };
    assert_eq!(lines.lines().filter(shredded).count(), 10);
    assert_eq!(lines.lines().filter(|line| line.contains("ciphertext")).count(), 10);
    assert!(fixture.opened().await.verify().await.expect("it can be read").is_whole());
}

#[tokio::test]
async fn a_log_that_encrypts_is_the_log_but_for_its_payloads() {
    let fixture = Fixture::start().await;
    let log = fixture.encrypting();
    let reader = Reader { name: "archive".into(), sharding: Sharding::Whole };
    let (worker, ttl) = (WorkerId(Uuid::from_u128(1)), Duration::from_secs(60));
    log.join(&reader, worker, ttl).await.expect("joined");
    let claim = Claim { worker, lanes_max: 1, lease_ttl: ttl };
    let leases = log.claim(&reader, claim).await.expect("claimed");
    let clear = fixture.store.read(&leases, 100).await.expect("read");
    let encrypted = log.read(&leases, 100).await.expect("read");
    for (clear, encrypted) in clear.iter().zip(&encrypted) {
        assert_eq!((clear.lane, clear.through), (encrypted.lane, encrypted.through));
        for (clear, encrypted) in clear.events.iter().zip(&encrypted.events) {
            assert_eq!(clear.cursor, encrypted.cursor);
            let mut same = encrypted.envelope.clone().into_record();
            same.payload = clear.envelope.payload.clone();
            assert_eq!(same, clear.envelope.clone().into_record());
            assert_eq!(encrypted.envelope.content_hash(), clear.envelope.content_hash());
        }
    }
    assert_eq!(encrypted.iter().map(|batch| batch.events.len()).sum::<usize>(), 20);
}
