//! One run of a whole system under random faults: relays, keepers, a second reader and an operator.

use super::auditor::{Auditor, Seen};
use super::chance::Chance;
use super::keepers::Keepers;
use super::leaky::{Bug, Leaky};
use super::log_copy::LogCopy;
use super::second::Second;
use super::watched::{WatchedKeeping, WatchedLog};
use crate::operator::{Operator, usual};
use crate::service::{LONG, Service, until, worker_id};
use idp_application::{LogKeeping, OutboxLog, Reader, RelayLog, Sharding, TenantPolicy};
use idp_domain::{EntityId, Uuid};
use idp_relay::RelayHandle;
use idp_testkit::{History, Sink, TallyId, Unreliable, check, check_stored};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const TENANTS: [&str; 3] = ["acme", "globex", "initech"];

/// What came of a run.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) faults: Vec<String>,
    /// What happened.
    pub(crate) history: History,
    /// How many events there were, and how many of them were dropped while there were faults.
    pub(crate) committed: usize,
    pub(crate) dropped: usize,
    pub(crate) seen: Seen,
}

impl Report {
    pub(crate) fn of_a_panic() -> Self {
        Self { faults: vec!["it panicked, as is told above".to_owned()], ..Self::default() }
    }
}

pub(crate) struct Simulation {
    pub(super) service: Service,
    pub(super) chance: Chance,
    /// The log as the target sees it.
    log: Arc<WatchedLog>,
    auditor: Arc<Auditor>,
    keepers: Keepers,
    second: Second,
    /// Whether it may be that a broker which drops by stream and number has an event twice.
    may_store_twice: bool,
    /// Whether tenants are paused, too.
    pauses: bool,
    /// From how many events on a tenant fills a lane; 0 is never.
    fair_backlog: u32,
    /// For how many percent of the time workers keep the database busy at the most.
    log_percent_max: u32,
    /// Aggregates whose messages the bus refuses for good.
    pub(super) poisoned: Arc<Mutex<HashSet<Uuid>>>,
    operator: Operator,
    workers: Vec<RunningWorker>,
    workers_started: u128,
}

struct RunningWorker {
    number: u128,
    relay: RelayHandle,
    /// Whether it cannot reach the database.
    is_cut: Arc<AtomicBool>,
}

impl Simulation {
    pub(crate) async fn run(seed: u64, bug: Option<Bug>) -> Report {
        let mut simulation = Self::new(Chance::seeded(seed), bug).await;
        let is_poisonous = simulation.chance.dice.percent(50);
        if is_poisonous {
            simulation.service.recorder.expect_gaps();
        }
        let has_policies = simulation.chance.dice.percent(60);
        if has_policies || simulation.fair_backlog > 0 {
            simulation.service.recorder.expect_gaps();
        }
        simulation.pauses = has_policies && simulation.chance.dice.percent(50);
        simulation.may_store_twice = is_poisonous || simulation.pauses;
        for _ in 0..simulation.chance.dice.within(1..4) {
            simulation.start_worker();
        }
        let tallies = simulation.begin().await;
        for _ in 0..60 {
            let pause = simulation.chance.dice.within(1..1_500);
            sleep(Duration::from_millis(pause)).await;
            simulation.commit(&tallies).await;
            if simulation.chance.dice.percent(25) {
                simulation.harm().await;
            }
            if is_poisonous {
                simulation.poison(&tallies).await;
            }
            if has_policies {
                simulation.treat_apart().await;
            }
            simulation.keepers.act().await;
            simulation.second.act();
        }
        simulation.end().await
    }

    async fn new(chance: Chance, bug: Option<Bug>) -> Self {
        let lanes = u16::try_from(chance.dice.within(1..9)).expect("a small number");
        let service = Service::start(lanes).await;
        let store = service.store.clone();
        let leaky = bug.map(|bug| Arc::new(Leaky::new(store.clone(), bug)));
        let (log, keeping): (Arc<dyn RelayLog>, Arc<dyn LogKeeping>) = match leaky {
            Some(leaky) => (leaky.clone(), leaky),
            None => (store.clone(), store.clone()),
        };
        let auditor = Arc::new(Auditor::new(store.clone(), LogCopy::new(service.lanes)));
        let watched = |reader| WatchedLog::new(log.clone(), reader, auditor.clone());
        let target = Reader { name: "bus".into(), sharding: Sharding::ByLane };
        let for_target = watched(target.clone());
        // Who begins when something is gone does not get it: the target is there from the start on.
        let joined = for_target.join(&target, worker_id(0), Duration::from_millis(1)).await;
        joined.expect("the store answers");
        let other = Second::reader(&chance);
        let second = Second::new(watched(other.clone()), other, chance.apart());
        let keeping = WatchedKeeping::new(keeping, service.clock, auditor.clone());
        Self {
            log: Arc::new(for_target),
            auditor: auditor.clone(),
            keepers: Keepers::start(keeping, chance.apart()),
            second,
            may_store_twice: false,
            pauses: false,
            fair_backlog: [0, 5, 20][chance.dice.place(3)],
            log_percent_max: [100, 100, 20][chance.dice.place(3)],
            poisoned: Arc::default(),
            operator: Operator::new(store, service.recorder.clone()),
            workers: Vec::new(),
            workers_started: 0,
            service,
            chance,
        }
    }

    async fn begin(&self) -> Vec<(&'static str, TallyId)> {
        let mut tallies = Vec::new();
        for tenant in ["acme", "acme", "acme", "globex", "globex", "initech"] {
            tallies.push((tenant, self.service.tally(tenant, 1).await));
        }
        tallies
    }

    async fn commit(&self, tallies: &[(&'static str, TallyId)]) {
        let (tenant, tally) = tallies[self.chance.dice.place(tallies.len())];
        match self.chance.dice.within(0..10) {
            0 => self.service.count_too_late(tenant, tally).await,
            1 if self.service.recorder.history().has_gaps => {
                let after = Duration::from_millis(self.chance.dice.within(0..30_000));
                self.service.remind(tenant, tally, after).await;
            }
            times => {
                let times = u32::try_from(times).expect("a small number");
                self.service.count(tenant, tally, times).await;
            }
        }
    }

    /// Lets the bus refuse an aggregate, or take it again; and lets the operator do something.
    async fn poison(&mut self, tallies: &[(&'static str, TallyId)]) {
        let id = tallies[self.chance.dice.place(tallies.len())].1.uuid();
        match self.chance.dice.within(0..12) {
            0 => drop(self.poisoned.lock().expect("not poisoned").insert(id)),
            1 => drop(self.poisoned.lock().expect("not poisoned").remove(&id)),
            2 => self.operator.act(&self.chance.apart().dice).await,
            _ => {}
        }
    }

    /// Has a tenant paused, limited or weighted, or served as usual again.
    async fn treat_apart(&self) {
        if self.chance.dice.percent(15) {
            let tenant = TENANTS[self.chance.dice.place(TENANTS.len())];
            let usual = usual(tenant);
            let number =
                |range| u32::try_from(self.chance.dice.within(range)).expect("a small number");
            let policy = match self.chance.dice.within(0..6) {
                0 | 1 if self.pauses => TenantPolicy { is_paused: true, ..usual },
                2 => TenantPolicy { events_per_second_max: Some(number(1..50)), ..usual },
                3 => TenantPolicy { weight: number(2..9), ..usual },
                _ => usual,
            };
            self.operator.treat(policy).await;
        }
    }

    fn start_worker(&mut self) {
        self.workers_started += 1;
        let number = self.workers_started;
        let is_cut = Arc::new(AtomicBool::new(false));
        let mut setup = self.service.worker(number);
        let plan = self.fates(number, is_cut.clone());
        setup.config.fair_backlog = self.fair_backlog;
        setup.config.log_percent_max = self.log_percent_max;
        setup.log = Arc::new(Unreliable::new(self.log.clone(), plan));
        let sink = Sink::new(setup.id, self.service.recorder.clone());
        let sink = sink.with_pace(Duration::from_millis(self.chance.dice.within(1..200)));
        setup.bus = Arc::new(sink.with_plan(self.receptions()));
        self.workers.push(RunningWorker { number, relay: setup.start(), is_cut });
    }

    /// Does something to one of the workers.
    async fn harm(&mut self) {
        let place = self.chance.dice.place(self.workers.len());
        match self.chance.dice.within(0..5) {
            0 => {
                let killed = self.workers.swap_remove(place);
                self.service.recorder.leases_lost(worker_id(killed.number));
                drop(killed.relay);
                self.start_worker();
            }
            1 => {
                let stopped = self.workers.swap_remove(place);
                // It may be cut off, and then cannot give its leases back.
                let _ = timeout(LONG, stopped.relay.stop()).await.expect("a stop ends");
                self.start_worker();
            }
            2 if self.workers.len() < 5 => self.start_worker(),
            3 => self.workers[place].is_cut.store(true, Ordering::SeqCst),
            _ => {
                for worker in &self.workers {
                    worker.is_cut.store(false, Ordering::SeqCst);
                }
            }
        }
    }

    /// Resumes what is parked and drops what nobody needs, until nothing is left of either: everything
    /// has arrived everywhere, or was discarded.
    async fn drain(&self) {
        loop {
            self.operator.resume_all().await;
            self.keepers.purge().await;
            let readers = self.service.store.readers().await.expect("the store answers");
            let has_more = readers.iter().any(|reader| reader.events_aside > 0);
            let (is_empty, has_faults) = {
                let known = self.auditor.known().await;
                (known.dropped == known.committed(), !known.faults.is_empty())
            };
            if is_empty && !has_more || has_faults {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Lets the system recover, and checks everything.
    async fn end(mut self) -> Report {
        let dropped = self.auditor.now().dropped;
        self.chance.heal();
        self.poisoned.lock().expect("not poisoned").clear();
        for tenant in TENANTS {
            self.operator.treat(usual(tenant)).await;
        }
        self.keepers.release_all().await;
        let mut faults = std::mem::take(&mut self.auditor.now().faults);
        if faults.is_empty() {
            faults = self.recover().await;
        }
        let known = self.auditor.known().await;
        faults.extend(known.faults.iter().cloned());
        let history = self.service.recorder.history();
        Report { faults, history, committed: known.committed(), dropped, seen: known.seen }
    }

    /// Waits until all that was committed has arrived everywhere; says what is wrong then.
    async fn recover(&mut self) -> Vec<String> {
        if timeout(LONG, self.drain()).await.is_err() {
            let violations = check(&self.service.recorder.history());
            let known = self.auditor.now();
            let (dropped, committed) = (known.dropped, known.committed());
            let message = format!("{dropped} of {committed} were dropped: {violations:#?}");
            return vec![format!("the backlog did not drain: {message}")];
        }
        for worker in self.workers.drain(..) {
            until(&worker.relay, |metrics| metrics.lanes_held < 9).await;
            let stopped = timeout(LONG, worker.relay.stop()).await;
            stopped.expect("a stop ends").expect("the database answers again");
        }
        let history = self.service.recorder.history();
        let mut violations = check(&history);
        if !self.may_store_twice {
            violations.extend(check_stored(&history));
        }
        violations.iter().map(ToString::to_string).collect()
    }
}
