//! What a keeper does by itself, and what it tells.

use crate::rig::{Rig, SECOND, keeper_config, next_turn, until};
use idp_application::{
    Actor, BoxFuture, Error, ErrorKind, HoldFrom, KeepingAction, KeepingCommand, KeepingRecord,
    LogHold, LogKeeping, PurgeBlock, PurgePolicy, PurgeReport, ReaderStatus, delegate_port,
};
use idp_keeper::{KeeperConfig, LateReader};
use idp_memory::MemoryStore;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// A log that is locked, or away, for the first purges.
struct Busy {
    store: Arc<MemoryStore>,
    times: AtomicU32,
    answer: fn() -> Result<PurgeReport, Error>,
    /// When it was asked to purge.
    asked: Mutex<Vec<Instant>>,
}

impl Busy {
    /// The times between the purges.
    fn pauses(&self) -> Vec<Duration> {
        let asked = self.asked.lock().expect("nobody panics with it");
        asked.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

impl LogKeeping for Busy {
    delegate_port!(LogKeeping { readers, holds, keep, keeping_records } => |this| this.store);

    fn purge<'a>(&'a self, policy: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>> {
        Box::pin(async move {
            self.asked.lock().expect("nobody panics with it").push(Instant::now());
            let left = self
                .times
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if left.is_ok() { (self.answer)() } else { self.store.purge(policy).await }
        })
    }
}

fn busy(rig: &Rig, times: u32, answer: fn() -> Result<PurgeReport, Error>) -> Arc<Busy> {
    let (store, times) = (rig.store.clone(), AtomicU32::new(times));
    Arc::new(Busy { store, times, answer, asked: Mutex::default() })
}

#[tokio::test(start_paused = true)]
async fn what_everybody_has_read_is_dropped_without_anybody_asking() {
    let rig = Rig::start().await;
    let mut reader = rig.reader("projector").await;
    let keeper = rig.keeper(1, keeper_config()).start();
    for round in 0..3 {
        rig.count_all(round * 4..round * 4 + 4).await;
        let held = next_turn(&keeper).await;
        assert!(matches!(held.held_up.expect("it is held").by, PurgeBlock::Reader(_)));
        reader.pass(1_000).await;
        let dropped = 40 * (u64::try_from(round).expect("few") + 1);
        let status = until(&keeper, "the drop", |s| s.metrics.events_dropped == dropped).await;
        assert_eq!(status.last_report.expect("there was one").1.events_dropped, 40);
    }
    keeper.stop().await.expect("it stops");
}

#[tokio::test(start_paused = true)]
async fn a_purge_that_has_more_to_drop_is_followed_by_another_at_once() {
    let rig = Rig::start().await;
    rig.count_all(0..10).await;
    rig.reader("projector").await.pass(1_000).await;
    let policy = PurgePolicy { events_max: 5, ..keeper_config().policy };
    let config = KeeperConfig { policy, interval: SECOND * 3_000, ..keeper_config() };
    let begun = Instant::now();
    let keeper = rig.keeper(1, config).start();
    let status = until(&keeper, "all", |status| status.metrics.events_dropped == 100).await;
    assert_eq!(status.metrics.purges, 20);
    assert!(begun.elapsed() < SECOND, "it took {:?}", begun.elapsed());
}

/// The pauses of that keeper while the log is locked eight times.
async fn pauses_of(worker: u128) -> Vec<Duration> {
    let rig = Rig::start().await;
    rig.count_all(0..1).await;
    rig.reader("projector").await.pass(1_000).await;
    let locked = || Ok(PurgeReport { events_dropped: 0, blocked_by: Some(PurgeBlock::Locked) });
    let config = KeeperConfig { interval: SECOND * 100, ..keeper_config() };
    let busy = busy(&rig, 8, locked);
    let keeper = rig.keeper_of(worker, config, busy.clone()).start();
    let status = until(&keeper, "the drop", |status| status.metrics.events_dropped == 10).await;
    assert_eq!((status.metrics.purges_locked, status.metrics.purges), (8, 9));
    assert_eq!(status.held_up, None);
    busy.pauses()
}

#[tokio::test(start_paused = true)]
async fn a_locked_log_is_asked_for_again_soon_and_then_later_and_later() {
    let mut longest = [Duration::ZERO; 8];
    for worker in 1..=20 {
        let pauses = pauses_of(worker).await;
        assert_eq!(pauses.len(), 8);
        for (longest, pause) in longest.iter_mut().zip(pauses) {
            *longest = pause.max(*longest);
        }
    }
    // 10, 20, ... 1280 ms are the bounds. The clock of the runtime goes by the millisecond.
    let mut bound = keeper_config().backoff_min;
    for pause in longest {
        let range = bound / 2..=bound + Duration::from_millis(1);
        assert!(range.contains(&pause), "{pause:?} is not within {range:?}: {longest:?}");
        bound *= 2;
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_away_or_silent_is_asked_again_until_it_answers() {
    let rig = Rig::start().await;
    rig.count_all(0..1).await;
    rig.reader("projector").await.pass(1_000).await;
    let away = || Err(Error::new(ErrorKind::Unavailable, "purge", "the database is away"));
    let keeper = rig.keeper_of(1, keeper_config(), busy(&rig, 3, away)).start();
    let failed = until(&keeper, "a failure", |status| status.last_failure.is_some()).await;
    assert!(failed.last_failure.expect("just seen").contains("the database is away"));
    let status = until(&keeper, "the drop", |s| {
        s.metrics.events_dropped == 10 && s.last_failure.is_none() && s.metrics.turns == 4
    })
    .await;
    assert_eq!(status.metrics.purge_failures, 3);
}

#[tokio::test(start_paused = true)]
async fn what_holds_the_log_for_long_is_told_and_never_overruled() {
    let rig = Rig::start().await;
    let mut reader = rig.reader("projector").await;
    let keeper = rig.keeper(1, keeper_config()).start();
    rig.count_all(0..1).await;
    let held = next_turn(&keeper).await;
    assert!(!held.metrics.is_alarming, "it is not held for long: {held:?}");
    let alarm = until(&keeper, "an alarm", |status| status.metrics.is_alarming).await;
    assert_eq!((alarm.metrics.held_up_seconds, alarm.metrics.events_dropped), (60, 0));
    let held_up = alarm.held_up.expect("it is held");
    let PurgeBlock::Reader(behind) = held_up.by else { panic!("the reader, not {held_up:?}") };
    assert_eq!(behind.reader, "projector");
    reader.pass(1_000).await;
    let relieved = until(&keeper, "the end of it", |status| !status.metrics.is_alarming).await;
    assert_eq!((relieved.metrics.events_dropped, relieved.held_up), (10, None));
}

#[tokio::test(start_paused = true)]
async fn a_hold_and_a_log_without_a_reader_are_told_as_well() {
    let rig = Rig::start().await;
    rig.count_all(0..1).await;
    let keeper = rig.keeper(1, keeper_config()).start();
    let alarm = until(&keeper, "an alarm", |status| status.metrics.is_alarming).await;
    assert_eq!(alarm.held_up.expect("it is held").by, PurgeBlock::NoReader);

    let action = KeepingAction::Hold { name: "audit".into(), from: HoldFrom::Oldest };
    let (actor, reason) = (Actor::new("ann"), "an audit".to_owned());
    rig.store.keep(&KeepingCommand { actor, action, reason }).await.expect("the name is free");
    rig.reader("projector").await.pass(1_000).await;
    until(&keeper, "another block", |status| !status.metrics.is_alarming).await;
    let alarm = until(&keeper, "an alarm", |status| status.metrics.is_alarming).await;
    let by = alarm.held_up.expect("it is held").by;
    assert!(matches!(&by, PurgeBlock::Hold(hold) if hold.name == "audit"), "{by:?}");
    assert_eq!(alarm.metrics.events_dropped, 0);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_begins_when_a_part_is_gone_is_told() {
    let rig = Rig::start().await;
    rig.count_all(0..2).await;
    rig.reader("projector").await.pass(1_000).await;
    let keeper = rig.keeper(1, keeper_config()).start();
    until(&keeper, "the drop", |status| status.metrics.events_dropped == 20).await;
    assert_eq!(keeper.status().readers_late, []);
    rig.reader("newcomer").await;
    let status = until(&keeper, "the newcomer", |status| status.metrics.readers_late == 1).await;
    let newcomer = LateReader { reader: "newcomer".into(), events_missed: 20 };
    assert_eq!(status.readers_late, [newcomer]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_at_once_and_a_turn_that_hangs_is_given_up() {
    let rig = Rig::start().await;
    let config = KeeperConfig { interval: SECOND * 3_600, ..keeper_config() };
    let keeper = rig.keeper(1, config.clone()).start();
    until(&keeper, "a turn", |status| status.metrics.turns == 1).await;
    let begun = Instant::now();
    keeper.stop().await.expect("it stops");
    assert!(begun.elapsed() < SECOND);

    struct Silent;
    impl LogKeeping for Silent {
        fn purge<'a>(&'a self, _: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>> {
            Box::pin(std::future::pending())
        }
        fn readers(&self) -> BoxFuture<'_, Result<Vec<ReaderStatus>, Error>> {
            Box::pin(std::future::pending())
        }
        fn holds(&self) -> BoxFuture<'_, Result<Vec<LogHold>, Error>> {
            Box::pin(std::future::pending())
        }
        fn keep<'a>(&'a self, _: &'a KeepingCommand) -> BoxFuture<'a, Result<(), Error>> {
            Box::pin(std::future::pending())
        }
        fn keeping_records(&self, _: u32) -> BoxFuture<'_, Result<Vec<KeepingRecord>, Error>> {
            Box::pin(std::future::pending())
        }
    }
    let config = KeeperConfig { call_timeout: SECOND * 3_600, ..config };
    let keeper = rig.keeper_of(1, config, Arc::new(Silent)).start();
    tokio::task::yield_now().await;
    let begun = Instant::now();
    let error = keeper.stop().await.expect_err("it hangs");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!((SECOND * 30..SECOND * 31).contains(&begun.elapsed()));
}
