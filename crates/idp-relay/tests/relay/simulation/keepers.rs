//! Processes that purge the log whenever they like, with whatever bounds, and die; and an operator who
//! holds it.

use super::chance::Chance;
use super::process::Process;
use super::watched::WatchedKeeping;
use idp_application::{
    Actor, Error, HoldFrom, KeepingAction, KeepingCommand, LogKeeping, PurgePolicy,
};
use idp_testkit::{Dice, Fate, Unreliable};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(crate) struct Keepers {
    chance: Chance,
    /// The log as the operator reaches it.
    keeping: Arc<WatchedKeeping>,
    /// As keepers do.
    unreliable: Arc<dyn LogKeeping>,
    running: Vec<Process>,
    holds: Vec<String>,
    holds_set: u32,
}

impl Keepers {
    /// One keeper, or a few at once.
    pub(crate) fn start(keeping: WatchedKeeping, chance: Chance) -> Self {
        let keeping = Arc::new(keeping);
        let plan = {
            let chance = chance.apart();
            move |_| match chance.dice.within(0..100) {
                _ if chance.is_healed() => Fate::Pass,
                0..4 => Fate::Refused,
                4..8 => Fate::AnswerLost,
                8..10 => Fate::Silence,
                10..12 => Fate::DoneInSilence,
                _ => Fate::Pass,
            }
        };
        let unreliable = Arc::new(Unreliable::new(keeping.clone(), plan));
        let (running, holds) = (Vec::new(), Vec::new());
        let mut keepers = Self { chance, keeping, unreliable, running, holds, holds_set: 0 };
        for _ in 0..keepers.chance.dice.within(1..4) {
            keepers.start_one();
        }
        keepers
    }

    fn start_one(&mut self) {
        let (log, dice) = (self.unreliable.clone(), self.chance.apart().dice);
        self.running.push(Process::start(async move {
            loop {
                sleep(Duration::from_millis(dice.within(50..3_000))).await;
                turn(&*log, &policy(&dice)).await;
            }
        }));
    }

    /// Lets time do its work: keepers are killed wherever they are, and others come; the operator has
    /// something held, or lets it go.
    pub(crate) async fn act(&mut self) {
        if self.chance.dice.percent(6) {
            let killed = self.chance.dice.place(self.running.len());
            drop(self.running.swap_remove(killed));
            self.start_one();
        }
        match self.holds.len() {
            0 if self.chance.dice.percent(6) => self.hold().await,
            1 if self.chance.dice.percent(3) => self.hold().await,
            1.. if self.chance.dice.percent(20) => self.release().await,
            _ => {}
        }
    }

    async fn hold(&mut self) {
        self.holds_set += 1;
        let name = format!("hold-{}", self.holds_set);
        let from = if self.chance.dice.percent(50) { HoldFrom::Oldest } else { HoldFrom::Newest };
        self.holds.push(name.clone());
        self.keep(KeepingAction::Hold { name, from }).await;
    }

    async fn release(&mut self) {
        let name = self.holds.swap_remove(self.chance.dice.place(self.holds.len()));
        self.keep(KeepingAction::Release { name }).await;
    }

    async fn keep(&self, action: KeepingAction) {
        let command =
            KeepingCommand { actor: Actor::new("operator"), action, reason: "a test".into() };
        self.keeping.keep(&command).await.expect("the store answers");
    }

    /// Lets go what is held.
    pub(crate) async fn release_all(&mut self) {
        while !self.holds.is_empty() {
            self.release().await;
        }
    }

    /// Drops all that nobody needs.
    pub(crate) async fn purge(&self) {
        let all = PurgePolicy { keep_for: Duration::ZERO, keep_events: 0, events_max: u64::MAX };
        self.keeping.purge(&all).await.expect("the store answers");
    }
}

/// What a keeper does at once, its calls one after another.
async fn turn(log: &dyn LogKeeping, policy: &PurgePolicy) {
    if let Some(report) = answered(log.purge(policy)).await {
        let holds = answered(log.holds()).await;
        let readers = answered(log.readers()).await;
        drop((report, holds, readers));
    }
}

/// The answer, if there is one within five seconds.
async fn answered<T>(call: impl Future<Output = Result<T, Error>>) -> Option<T> {
    timeout(Duration::from_secs(5), call).await.ok()?.ok()
}

/// Keeps something most of the time, and does not always do all at once.
fn policy(dice: &Dice) -> PurgePolicy {
    let pick = |numbers: [u64; 4]| numbers[dice.place(4)];
    PurgePolicy {
        keep_for: Duration::from_millis(pick([0, 0, 0, dice.within(0..20_000)])),
        keep_events: pick([0, 0, 0, dice.within(0..60)]),
        events_max: pick([u64::MAX, u64::MAX, 1, dice.within(1..100)]),
    }
}
