//! What the workers of this process count of themselves. All of one name are shown as one: labelled
//! each, every start of one would be more series.

use crate::families::{Counters, Gauges, Labels, counters, gauges};
use idp_application::WorkerId;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// A metric of something that a worker counts: its name, what it is, and where it stands.
pub(crate) type Fact<S> = (&'static str, &'static str, Of<S>);

type Of<S> = fn(&S) -> u64;

/// Which facts are metrics, by how several workers of one name make one value.
pub(crate) struct Facts<S: 'static> {
    /// What the name of the workers is the value of; none where workers have no name.
    pub(crate) label: Option<&'static str>,
    /// What happened; also that of workers that have ended. Names are without `_total`.
    pub(crate) counters: &'static [Fact<S>],
    /// What each worker has for itself: shown is the sum.
    pub(crate) sums: &'static [Fact<S>],
    /// What is so of all of them, as far as one knows: shown is the greatest.
    pub(crate) maxima: &'static [Fact<S>],
}

/// The metrics, and what each worker told last.
pub(crate) struct Crews<S> {
    label: Option<&'static str>,
    counters: Vec<(Counters, Of<S>)>,
    sums: Vec<(Gauges, Of<S>)>,
    maxima: Vec<(Gauges, Of<S>)>,
    told: Mutex<HashMap<String, Crew<S>>>,
}

type Crew<S> = HashMap<WorkerId, S>;

impl<S: Clone + Default> Crews<S> {
    pub(crate) fn register(registry: &mut Registry, facts: &Facts<S>) -> Self {
        let mut of = |facts: &[Fact<S>]| {
            let gauge = |(name, help, of): &Fact<S>| (gauges(registry, name, help), *of);
            facts.iter().map(gauge).collect()
        };
        let (sums, maxima) = (of(facts.sums), of(facts.maxima));
        let counter = |(name, help, of): &Fact<S>| (counters(registry, name, help), *of);
        let counters = facts.counters.iter().map(counter).collect();
        Self { label: facts.label, counters, sums, maxima, told: Mutex::default() }
    }

    /// That worker has counted so much since it was started. Its counters begin at zero at once, so that
    /// the first event that is counted is seen as a change.
    pub(crate) fn counted(&self, name: &str, worker: WorkerId, now: &S) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let crew = told.entry(name.to_owned()).or_default();
        let before = crew.insert(worker, now.clone()).unwrap_or_default();
        let labels = self.labels(name);
        for (counter, of) in &self.counters {
            counter.get_or_create(&labels).inc_by(of(now).saturating_sub(of(&before)));
        }
        self.show(&labels, crew);
    }

    /// That worker has ended, and has nothing any more. What it counted stays counted.
    pub(crate) fn ended(&self, name: &str, worker: WorkerId) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(crew) = told.get_mut(name) else { return };
        crew.remove(&worker);
        self.show(&self.labels(name), crew);
    }

    fn labels(&self, name: &str) -> Labels {
        self.label.iter().map(|label| (*label, name.to_owned())).collect()
    }

    fn show(&self, labels: &Labels, crew: &Crew<S>) {
        #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 of anything")]
        let set = |gauges: &Gauges, value: u64| gauges.get_or_create(labels).set(value as f64);
        for (gauges, of) in &self.sums {
            set(gauges, crew.values().map(of).fold(0, u64::saturating_add));
        }
        for (gauges, of) in &self.maxima {
            set(gauges, crew.values().map(of).max().unwrap_or(0));
        }
    }
}
