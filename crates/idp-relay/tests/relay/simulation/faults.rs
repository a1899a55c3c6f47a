//! How the database and the bus fail the relays.

use super::run::Simulation;
use crate::service::worker_id;
use idp_application::Message;
use idp_testkit::{Fate, Reception};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

impl Simulation {
    /// What becomes of the calls of a worker.
    pub(super) fn fates(
        &self,
        number: u128,
        is_cut: Arc<AtomicBool>,
    ) -> impl Fn(&'static str) -> Fate + Send + Sync + use<> {
        let chance = self.chance.apart();
        let recorder = self.service.recorder.clone();
        move |_| {
            let healed = chance.is_healed();
            let cut = is_cut.load(Ordering::SeqCst) && !healed;
            let fate = match chance.dice.within(0..100) {
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

    /// How the bus receives what it is sent.
    pub(super) fn receptions(&self) -> impl Fn(&[Message]) -> Reception + Send + Sync + use<> {
        let chance = self.chance.apart();
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
            let dice = &chance.dice;
            let some = dice.place(messages.len() + 1);
            let more = some + dice.place(messages.len() - some + 1);
            match dice.within(0..100) {
                _ if chance.is_healed() => Reception::Take,
                0..8 => Reception::Fail { accepted: some, arriving: some },
                8..12 => Reception::Fail { accepted: some, arriving: more },
                12..15 => Reception::Silence { arriving: some },
                15..18 => Reception::Late(Duration::from_millis(dice.within(0..20_000))),
                _ => Reception::Take,
            }
        }
    }
}
