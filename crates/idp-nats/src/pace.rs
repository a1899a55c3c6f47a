//! How many messages to chain at once, where others may break the chain.

/// Grows while chains hold, shrinks to what held when one is broken, and then waits longer before
/// it grows again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    window: usize,
    window_max: usize,
    /// How many chains must hold before the window grows.
    patience: u32,
    held: u32,
}

const PATIENCE_MAX: u32 = 64;

impl Pace {
    pub(crate) fn new(window_max: usize) -> Self {
        Self { window: window_max, window_max, patience: 1, held: 0 }
    }

    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// A chain of so many messages held.
    pub(crate) fn on_held(&mut self, length: usize) {
        if length < self.window {
            return;
        }
        self.held += 1;
        if self.held >= self.patience && self.window < self.window_max {
            self.window = (self.window * 2).min(self.window_max);
            self.held = 0;
        }
        if self.window > 1 && self.held > 0 {
            self.patience = (self.patience / 2).max(1);
        }
    }

    /// A chain broke after so many messages.
    pub(crate) fn on_broken(&mut self, held: usize) {
        self.window = held.clamp(1, self.window_max);
        self.patience = (self.patience * 2).min(PATIENCE_MAX);
        self.held = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shrinks_to_what_held_and_grows_again() {
        let mut pace = Pace::new(100);
        pace.on_broken(10);
        assert_eq!(pace.window(), 10);
        pace.on_held(10);
        assert_eq!(pace.window(), 10, "it waits");
        pace.on_held(10);
        assert_eq!(pace.window(), 20);
        pace.on_held(3);
        assert_eq!(pace.window(), 20, "a short chain says nothing");
    }

    #[test]
    fn it_is_never_less_than_one_nor_more_than_its_bound() {
        let mut pace = Pace::new(4);
        for _ in 0..10 {
            pace.on_broken(0);
        }
        assert_eq!(pace.window(), 1);
        for _ in 0..1_000 {
            pace.on_held(pace.window());
        }
        assert_eq!(pace.window(), 4);
    }
}
