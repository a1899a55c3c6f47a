//! The model: transactions and readers, interleaved in every way.

use super::database::{Database, Plan, Snapshot, Step};
use super::reader::{Reader, Reading};
use stateright::{Model, Property};
use std::collections::BTreeMap;
use std::fmt;

pub(crate) const NOTHING_LOST: &str = "every committed event is read in the end";
pub(crate) const NOTHING_TWICE: &str = "no event is read twice";
pub(crate) const ORDER: &str = "the events of an aggregate are read in the order of its versions";
pub(crate) const NUMBERED_ALIKE: &str = "all readers number the events alike";

#[derive(Clone, Debug)]
pub(crate) struct Readers {
    pub(crate) plans: Vec<Plan>,
    pub(crate) reading: Reading,
    /// How many events each reader takes at a time.
    pub(crate) batches: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    database: Database,
    ticks: Vec<Snapshot>,
    readers: Vec<Reader>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Take(usize, Step),
    Abort(usize),
    Poll(usize),
    /// Has the lock of the ticks and takes a snapshot.
    Snapshot(usize),
    /// Stores it and gives up the lock.
    Store(usize),
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Take(transaction, step) => write!(f, "t{transaction} {step:?}"),
            Self::Abort(transaction) => write!(f, "t{transaction} Abort"),
            Self::Poll(reader) => write!(f, "r{reader} reads"),
            Self::Snapshot(reader) => write!(f, "r{reader} takes a snapshot"),
            Self::Store(reader) => write!(f, "r{reader} stores the tick"),
        }
    }
}

impl Readers {
    fn transaction_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, plan) in self.plans.iter().enumerate() {
            let Some(step) = state.database.next_step(&self.plans, index) else { continue };
            actions.push(Action::Take(index, step));
            if plan.may_abort && step == Step::Commit {
                actions.push(Action::Abort(index));
            }
        }
    }

    fn reader_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, reader) in state.readers.iter().enumerate() {
            if reader.taking.is_some() {
                actions.push(Action::Store(index));
            } else if self.may_take_a_tick(state, reader) {
                actions.push(Action::Snapshot(index));
            } else if self.poll(state, index).is_some() {
                actions.push(Action::Poll(index));
            }
        }
    }

    /// Only at the end of the log, only with news, and unless broken only with the lock.
    fn may_take_a_tick(&self, state: &State, reader: &Reader) -> bool {
        let is_locked = state.readers.iter().any(|reader| reader.taking.is_some());
        let has_lock = !is_locked || self.reading == Reading::TicksUnserialised;
        has_lock && reader.is_at_the_end(&state.ticks) && self.has_news(state)
    }

    /// The condition of the insert into `idp_tick`.
    fn has_news(&self, state: &State) -> bool {
        let nothing = Snapshot::default();
        let last = state.ticks.last().unwrap_or(&nothing);
        let is_news = |xid| xid >= last.xmax || last.running.contains(&xid);
        !matches!(self.reading, Reading::Position | Reading::XidPosition)
            && state.database.committed().any(|event| is_news(event.xid))
    }

    fn poll(&self, state: &State, index: usize) -> Option<Reader> {
        let (reader, batch) = (&state.readers[index], self.batches[index]);
        reader.poll(self.reading, &state.database, &state.ticks, batch)
    }

    fn is_at_rest(&self, state: &State) -> bool {
        let mut actions = Vec::new();
        if state.database.is_quiet(&self.plans) {
            self.reader_actions(state, &mut actions);
            return actions.is_empty();
        }
        false
    }

    fn has_all(&self, state: &State) -> bool {
        state.readers.iter().all(|reader| {
            state.database.committed().all(|event| reader.delivered.contains(&event.transaction))
        })
    }

    fn is_in_order(&self, state: &State, reader: &Reader) -> bool {
        let mut highest: BTreeMap<usize, u8> = BTreeMap::new();
        let mut firsts = reader
            .delivered
            .iter()
            .enumerate()
            .filter(|(at, transaction)| !reader.delivered[..*at].contains(transaction));
        firsts.all(|(_, transaction)| {
            let version = state.database.version_of(*transaction);
            let aggregate = self.plans[usize::from(*transaction)].aggregate;
            highest.insert(aggregate, version).is_none_or(|before| before < version)
        })
    }
}

impl Model for Readers {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            database: Database::new(self.plans.len()),
            ticks: Vec::new(),
            readers: vec![Reader::new(self.reading); self.batches.len()],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.transaction_actions(state, actions);
        self.reader_actions(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Take(index, step) => state.database.take(step, &self.plans, index),
            Action::Abort(index) => state.database.abort(&self.plans, index),
            Action::Poll(index) => state.readers[index] = self.poll(&state, index)?,
            Action::Snapshot(index) => {
                state.readers[index].taking = Some(state.database.snapshot());
            }
            Action::Store(index) => state.ticks.extend(state.readers[index].taking.take()),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NOTHING_LOST, |model: &Self, state: &State| {
                !model.is_at_rest(state) || model.has_all(state)
            }),
            Property::always(NOTHING_TWICE, |_, state: &State| {
                state.readers.iter().all(|reader| {
                    let mut each = reader.delivered.iter().enumerate();
                    each.all(|(at, event)| !reader.delivered[..at].contains(event))
                })
            }),
            Property::always(ORDER, |model: &Self, state: &State| {
                state.readers.iter().all(|reader| model.is_in_order(state, reader))
            }),
            Property::always(NUMBERED_ALIKE, |_, state: &State| {
                state.readers.windows(2).all(|pair| {
                    pair[0]
                        .delivered
                        .iter()
                        .zip(&pair[1].delivered)
                        .all(|(one, other)| one == other)
                })
            }),
            Property::sometimes(
                "every transaction commits and is read",
                |model: &Self, state: &State| {
                    let committed = state.database.committed().count();
                    committed == model.plans.len()
                        && model.is_at_rest(state)
                        && model.has_all(state)
                },
            ),
        ]
    }
}
