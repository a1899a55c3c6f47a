//! What goes wrong in a run, and when nothing does any more.

use idp_testkit::Dice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Clones draw from the same dice; all of a run are healed together.
#[derive(Clone)]
pub(crate) struct Chance {
    pub(crate) dice: Arc<Dice>,
    healed: Arc<AtomicBool>,
}

impl Chance {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { dice: Arc::new(Dice::seeded(seed)), healed: Arc::default() }
    }

    /// Dice of its own for somebody, so that the draws of others change nothing for him.
    pub(crate) fn apart(&self) -> Self {
        let seed = self.dice.within(0..u64::MAX);
        Self { dice: Arc::new(Dice::seeded(seed)), healed: self.healed.clone() }
    }

    /// From then on nothing fails any more.
    pub(crate) fn heal(&self) {
        self.healed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_healed(&self) -> bool {
        self.healed.load(Ordering::SeqCst)
    }
}
