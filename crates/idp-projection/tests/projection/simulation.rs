//! Many runs of a whole system under random faults, in simulated time; each run is one seed. A seed
//! that fails is named, and fails again when it is run alone: `IDP_SEED=17 cargo test simulation`.

use crate::service::{LONG, Service, caught_up};
use idp_projection::ProjectorHandle;
use idp_testkit::{Dice, Fate, Tally, TallyId, Unreliable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const SEEDS: u64 = 60;

#[test]
fn a_read_model_is_the_fold_of_its_events_through_crashes_cuts_and_rebuilds() {
    let one = std::env::var("IDP_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in one.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime needs nothing but a thread");
        println!("seed {seed}");
        runtime.block_on(Simulation::run(seed));
    }
}

struct Simulation {
    service: Service,
    dice: Arc<Dice>,
    /// From then on nothing fails any more.
    healed: Arc<AtomicBool>,
    projectors: Vec<Running>,
    started: u128,
}

struct Running {
    projector: ProjectorHandle,
    /// Whether it cannot reach the database.
    is_cut: Arc<AtomicBool>,
}

impl Simulation {
    async fn run(seed: u64) {
        let dice = Arc::new(Dice::seeded(seed));
        let service = Service::start().await;
        let healed = Arc::new(AtomicBool::new(false));
        let mut simulation = Self { service, dice, healed, projectors: Vec::new(), started: 0 };
        for _ in 0..simulation.dice.within(1..3) {
            simulation.start_projector();
        }
        let mut tallies = Vec::new();
        for tenant in ["acme", "acme", "globex", "initech"] {
            tallies.push((tenant, simulation.service.tally(tenant, 1).await));
        }
        for _ in 0..50 {
            sleep(Duration::from_millis(simulation.dice.within(1..1_500))).await;
            simulation.commit(&tallies).await;
            if simulation.dice.percent(25) {
                simulation.harm().await;
            }
        }
        simulation.end().await;
    }

    async fn commit(&self, tallies: &[(&'static str, TallyId)]) {
        let (tenant, tally) = tallies[self.dice.place(tallies.len())];
        match self.dice.within(0..10) {
            0 => self.service.change(tenant, tally, Tally::wipe).await,
            1 => self.service.change(tenant, tally, |tally| tally.note("noted")).await,
            2 => self.service.count_too_late(tenant, tally).await,
            times => {
                let times = u32::try_from(times).expect("a small number");
                self.service.count(tenant, tally, times).await;
            }
        }
    }

    fn start_projector(&mut self) {
        self.started += 1;
        let is_cut = Arc::new(AtomicBool::new(false));
        let (dice, healed, cut) = (self.dice.clone(), self.healed.clone(), is_cut.clone());
        let plan = move |_| match dice.within(0..100) {
            _ if healed.load(Ordering::SeqCst) => Fate::Pass,
            0..50 if cut.load(Ordering::SeqCst) => Fate::Silence,
            50..100 if cut.load(Ordering::SeqCst) => Fate::Refused,
            0..3 => Fate::Refused,
            3..8 => Fate::AnswerLost,
            8 => Fate::Silence,
            9..11 => Fate::DoneInSilence,
            _ => Fate::Pass,
        };
        let backend = Unreliable::new(Arc::new(self.service.backend()), plan);
        let projector = self.service.projector_on(self.started, Arc::new(backend));
        self.projectors.push(Running { projector, is_cut });
    }

    /// Does something to one of the projectors.
    async fn harm(&mut self) {
        let place = self.dice.place(self.projectors.len());
        match self.dice.within(0..6) {
            0 => {
                drop(self.projectors.swap_remove(place));
                self.start_projector();
            }
            1 => {
                let stopped = self.projectors.swap_remove(place);
                // It may be cut off, and then cannot give its lease back.
                let _ = timeout(LONG, stopped.projector.stop()).await.expect("a stop ends");
                self.start_projector();
            }
            2 if self.projectors.len() < 4 => self.start_projector(),
            3 => self.projectors[place].is_cut.store(true, Ordering::SeqCst),
            4 => {
                // It may stand by, or not get through: then it is taken back.
                let rebuild = self.projectors[place].projector.rebuild();
                let _ = timeout(Duration::from_secs(4), rebuild).await;
            }
            _ => self.projectors.iter().for_each(|one| one.is_cut.store(false, Ordering::SeqCst)),
        }
    }

    /// Lets the system recover, and checks everything.
    async fn end(mut self) {
        self.healed.store(true, Ordering::SeqCst);
        for stopped in self.projectors.drain(1..) {
            timeout(LONG, stopped.projector.stop())
                .await
                .expect("a stop ends")
                .expect("the database answers again");
        }
        caught_up(&self.projectors[0].projector).await;
        timeout(LONG, self.projectors[0].projector.rebuild())
            .await
            .expect("a rebuild ends")
            .expect("the projector runs");
        self.service.assert_audited();
    }
}
