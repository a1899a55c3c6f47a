//! Many runs of a whole system under random faults, in simulated time; each run is one seed. A seed
//! that fails is named, and fails again when it is run alone: `IDP_SEED=17 cargo test simulation`.

use crate::operator::{Operator, usual};
use crate::service::{LONG, Service, until, worker_id};
use idp_application::{Message, TenantPolicy};
use idp_domain::{EntityId, Uuid};
use idp_relay::RelayHandle;
use idp_testkit::{
    Dice, Fate, Reception, Sink, TallyId, Unreliable, Violation, check, check_stored,
};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const SEEDS: u64 = 2_000;

const TENANTS: [&str; 3] = ["acme", "globex", "initech"];

#[test]
fn all_guarantees_hold_through_crashes_cuts_and_ambiguous_answers() {
    let number = |name| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let seeds = match number("IDP_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("IDP_SEEDS").unwrap_or(SEEDS),
    };
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if !seeds.contains(&seed) {
                        break;
                    }
                    run(seed);
                }
            });
        }
    });
}

fn run(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing but a thread");
    runtime.block_on(Simulation::run(seed));
}

struct Simulation {
    service: Service,
    dice: Arc<Dice>,
    /// From then on nothing fails any more.
    healed: Arc<AtomicBool>,
    /// Whether it may be that a broker which drops by stream and number has an event twice.
    may_store_twice: bool,
    /// Whether tenants are paused, too.
    pauses: bool,
    /// From how many events on a tenant fills a lane; 0 is never.
    fair_backlog: u32,
    /// For how many percent of the time workers keep the database busy at the most.
    log_percent_max: u32,
    /// Aggregates whose messages the bus refuses for good.
    poisoned: Arc<Mutex<HashSet<Uuid>>>,
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
    async fn run(seed: u64) {
        let dice = Arc::new(Dice::seeded(seed));
        let lanes = u16::try_from(dice.within(1..9)).expect("a small number");
        let service = Service::start(lanes).await;
        let fair_backlog = [0, 5, 20][dice.place(3)];
        let log_percent_max = [100, 100, 20][dice.place(3)];
        let healed = Arc::new(AtomicBool::new(false));
        let operator = Operator::new(service.store.clone(), service.recorder.clone());
        let mut simulation = Self {
            service,
            dice,
            healed,
            may_store_twice: false,
            pauses: false,
            fair_backlog,
            log_percent_max,
            poisoned: Arc::default(),
            operator,
            workers: Vec::new(),
            workers_started: 0,
        };
        let is_poisonous = simulation.dice.percent(50);
        if is_poisonous {
            simulation.service.recorder.expect_gaps();
        }
        let has_policies = simulation.dice.percent(60);
        if has_policies {
            simulation.service.recorder.expect_gaps();
        }
        if fair_backlog > 0 {
            simulation.service.recorder.expect_gaps();
        }
        simulation.pauses = has_policies && simulation.dice.percent(50);
        simulation.may_store_twice = is_poisonous || simulation.pauses;
        for _ in 0..simulation.dice.within(1..4) {
            simulation.start_worker();
        }
        let tallies = simulation.begin().await;
        for _ in 0..60 {
            let pause = simulation.dice.within(1..1_500);
            sleep(Duration::from_millis(pause)).await;
            simulation.commit(&tallies).await;
            if simulation.dice.percent(25) {
                simulation.harm().await;
            }
            if is_poisonous {
                simulation.poison(&tallies).await;
            }
            if has_policies {
                simulation.treat_apart().await;
            }
        }
        simulation.end(seed).await;
    }

    async fn begin(&self) -> Vec<(&'static str, TallyId)> {
        let mut tallies = Vec::new();
        for tenant in ["acme", "acme", "acme", "globex", "globex", "initech"] {
            tallies.push((tenant, self.service.tally(tenant, 1).await));
        }
        tallies
    }

    async fn commit(&self, tallies: &[(&'static str, TallyId)]) {
        let (tenant, tally) = tallies[self.dice.place(tallies.len())];
        match self.dice.within(0..10) {
            0 => self.service.count_too_late(tenant, tally).await,
            1 if self.service.recorder.history().has_gaps => {
                let after = Duration::from_millis(self.dice.within(0..30_000));
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
        let id = tallies[self.dice.place(tallies.len())].1.uuid();
        match self.dice.within(0..12) {
            0 => drop(self.poisoned.lock().expect("not poisoned").insert(id)),
            1 => drop(self.poisoned.lock().expect("not poisoned").remove(&id)),
            2 => self.operator.act(&self.dice).await,
            _ => {}
        }
    }

    /// Has a tenant paused, limited or weighted, or served as usual again.
    async fn treat_apart(&self) {
        if self.dice.percent(15) {
            let tenant = TENANTS[self.dice.place(TENANTS.len())];
            let usual = usual(tenant);
            let number = |range| u32::try_from(self.dice.within(range)).expect("a small number");
            let policy = match self.dice.within(0..6) {
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
        setup.log = Arc::new(Unreliable::new(self.service.store.clone(), plan));
        let sink = Sink::new(setup.id, self.service.recorder.clone());
        let sink = sink.with_pace(Duration::from_millis(self.dice.within(1..200)));
        setup.bus = Arc::new(sink.with_plan(self.receptions()));
        self.workers.push(RunningWorker { number, relay: setup.start(), is_cut });
    }

    fn fates(
        &self,
        number: u128,
        is_cut: Arc<AtomicBool>,
    ) -> impl Fn(&'static str) -> Fate + Send + Sync + use<> {
        let (dice, healed) = (self.dice.clone(), self.healed.clone());
        let recorder = self.service.recorder.clone();
        move |_| {
            let healed = healed.load(Ordering::SeqCst);
            let cut = is_cut.load(Ordering::SeqCst) && !healed;
            let fate = match dice.within(0..100) {
                _ if healed => Fate::Pass,
                0..50 if cut => Fate::Silence,
                50..100 if cut => Fate::Refused,
                0..2 => Fate::Refused,
                2..4 => Fate::AnswerLost,
                4 => Fate::Silence,
                5 => Fate::DoneInSilence,
                _ => Fate::Pass,
            };
            if matches!(fate, Fate::Silence | Fate::DoneInSilence) || cut {
                recorder.leases_lost(worker_id(number));
            }
            fate
        }
    }

    fn receptions(&self) -> impl Fn(&[Message]) -> Reception + Send + Sync + use<> {
        let (dice, healed) = (self.dice.clone(), self.healed.clone());
        let poisoned = self.poisoned.clone();
        move |messages| {
            let refused = {
                let poisoned = poisoned.lock().expect("not poisoned");
                let refuses = |message: &Message| poisoned.contains(&message.event.aggregate_id);
                messages.iter().position(refuses)
            };
            if let Some(accepted) = refused {
                return Reception::Refuse { accepted };
            }
            let some = dice.place(messages.len() + 1);
            let more = some + dice.place(messages.len() - some + 1);
            match dice.within(0..100) {
                _ if healed.load(Ordering::SeqCst) => Reception::Take,
                0..8 => Reception::Fail { accepted: some, arriving: some },
                8..12 => Reception::Fail { accepted: some, arriving: more },
                12..15 => Reception::Silence { arriving: some },
                15..18 => Reception::Late(Duration::from_millis(dice.within(0..20_000))),
                _ => Reception::Take,
            }
        }
    }

    /// Does something to one of the workers.
    async fn harm(&mut self) {
        let place = self.dice.place(self.workers.len());
        match self.dice.within(0..5) {
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

    /// Resumes what is parked, until everything that was committed has arrived or was discarded.
    async fn drain(&self) {
        loop {
            self.operator.resume_all().await;
            sleep(Duration::from_secs(1)).await;
            let violations = check(&self.service.recorder.history());
            if !violations.iter().any(|v| matches!(v, Violation::Lost { .. })) {
                return;
            }
        }
    }

    /// Lets the system recover, and checks everything.
    async fn end(mut self, seed: u64) {
        self.healed.store(true, Ordering::SeqCst);
        self.poisoned.lock().expect("not poisoned").clear();
        for tenant in TENANTS {
            self.operator.treat(usual(tenant)).await;
        }
        let drained = timeout(LONG, self.drain()).await;
        let violations = check(&self.service.recorder.history());
        assert!(drained.is_ok(), "seed {seed}: the backlog did not drain: {violations:#?}");
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
        assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
    }
}
