//! Checks a model and says what was found: what held, and the shortest way to what did not.

use stateright::{Checker, Expectation, Model, Property};
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Debug;
use std::hash::Hash;

/// What the checker needs of a model.
pub(crate) trait Checkable:
    Model<State: Clone + Debug + Hash + PartialEq + Send + Sync, Action: Clone + Debug + PartialEq>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<M> Checkable for M where
    M: Model<
            State: Clone + Debug + Hash + PartialEq + Send + Sync,
            Action: Clone + Debug + PartialEq,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// What the checker found.
pub(crate) struct Verdict {
    states: usize,
    /// What must always be and is not, with the shortest way there.
    broken: BTreeMap<&'static str, Vec<String>>,
    /// What must happen somewhere and does not: the model would prove nothing.
    unseen: Vec<&'static str>,
}

impl Verdict {
    /// Explores the model. It stops early only when each of its properties is decided.
    pub(crate) fn of<M: Checkable>(model: &M) -> Self {
        let checker = model.clone().checker().spawn_bfs().join();
        let found = checker.discoveries();
        let mut verdict =
            Self { states: checker.unique_state_count(), broken: BTreeMap::new(), unseen: vec![] };
        for property in model.properties() {
            let is_found = found.contains_key(property.name);
            match property.expectation {
                Expectation::Sometimes if !is_found => verdict.unseen.push(property.name),
                Expectation::Always if is_found => {
                    let name = property.name;
                    verdict.broken.insert(name, shortest_way(model.clone(), property));
                }
                _ => {}
            }
        }
        verdict
    }

    /// Fails unless every promise holds, and everything happens that is to happen.
    pub(crate) fn holds(&self) {
        self.show();
        assert!(self.broken.is_empty(), "a promise is broken:\n{self}");
        assert!(self.unseen.is_empty(), "the model never gets there:\n{self}");
    }

    /// Fails unless exactly these promises are broken.
    pub(crate) fn breaks(&self, promises: &[&str]) {
        self.show();
        let mut expected = promises.to_vec();
        expected.sort_unstable();
        let broken: Vec<&str> = self.broken.keys().copied().collect();
        assert_eq!(broken, expected, "\n{self}");
    }

    #[expect(clippy::print_stdout, reason = "what was found is what the test is run for")]
    fn show(&self) {
        let thread = std::thread::current();
        println!("{}: {self}", thread.name().unwrap_or("model"));
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} states", self.states)?;
        for (promise, way) in &self.broken {
            write!(f, "\n  NOT {promise}: {}", way.join("; "))?;
        }
        for unseen in &self.unseen {
            write!(f, "\n  NEVER {unseen}")?;
        }
        Ok(())
    }
}

/// One property alone: so the breadth-first search ends at the first state that decides it.
struct Focus<M: Model> {
    model: M,
    property: Property<M>,
}

impl<M: Checkable> Model for Focus<M> {
    type State = M::State;
    type Action = M::Action;

    fn init_states(&self) -> Vec<Self::State> {
        self.model.init_states()
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.model.actions(state, actions);
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        self.model.next_state(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(self.property.name, |focus, state| {
            (focus.property.condition)(&focus.model, state)
        })]
    }
}

fn shortest_way<M: Checkable>(model: M, property: Property<M>) -> Vec<String> {
    let checker = Focus { model, property }.checker().spawn_bfs().join();
    let way = checker.discoveries().into_values().next();
    let way = way.expect("what the search over all properties found, the search for one finds");
    way.into_actions().iter().map(|action| format!("{action:?}")).collect()
}
