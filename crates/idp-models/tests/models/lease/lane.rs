//! The model: two workers, the database's clock and messages on their way, interleaved in every way.

use super::state::{Rules, State};
use super::worker::Act;
use stateright::{Model, Property};
use std::fmt;

pub(crate) const NOTHING_LOST: &str = "what is recorded has arrived, and in the end all has";
pub(crate) const ORDER: &str = "first deliveries are in order";
pub(crate) const DUPLICATES_BOUNDED: &str =
    "duplicates are at most a batch per lost tenure and open send";

const EXPIRIES_MAX: u8 = 2;

#[derive(Clone, Debug)]
pub(crate) struct LaneModel {
    /// How many events are in the log.
    pub(crate) events: u8,
    pub(crate) batch: u8,
    pub(crate) rules: Rules,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Worker(usize, Act),
    /// The database's clock passes `lease_until`.
    LeaseExpires,
    /// The next message of a send that nobody waits for arrives.
    StrayArrives(usize),
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker(worker, act) => write!(f, "w{worker} {act:?}"),
            Self::LeaseExpires => write!(f, "the lease expires"),
            Self::StrayArrives(_) => write!(f, "a stray message arrives"),
        }
    }
}

impl LaneModel {
    /// The deadline of the owner, if it is alive, comes before; the lease of a dead one expires in
    /// any case.
    fn may_expire(&self, state: &State) -> bool {
        let mut tenures = state.workers.iter().flatten();
        let owner = tenures.find(|tenure| tenure.epoch == state.row.epoch);
        let may = match owner {
            Some(owner) if self.rules.deadline && owner.may_send => false,
            Some(_) => state.faults.expiries < EXPIRIES_MAX,
            // There is at most one crash.
            None => state.faults.expiries <= EXPIRIES_MAX,
        };
        may && state.row.is_owned && !state.row.is_expired
    }

    /// Whether somebody still has the event after the last that arrived in hand.
    fn is_next_in_hand(&self, state: &State) -> bool {
        let next = state.bus.first_deliveries + 1;
        let mut sends = state.workers.iter().flatten().filter_map(|tenure| tenure.send);
        sends.any(|send| send.next <= next && next <= send.last)
    }

    fn bounds_duplicates(&self, state: &State) -> bool {
        let faults = &state.faults;
        state.bus.duplicates <= self.batch * (faults.lost_tenures + faults.left_open)
    }

    fn loses_nothing(&self, state: &State) -> bool {
        let is_behind = state.row.recorded > state.bus.first_deliveries;
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        let is_complete = state.bus.first_deliveries == self.events
            || state.bus.is_out_of_order
            || !self.bounds_duplicates(state);
        (!is_behind || self.is_next_in_hand(state)) && (!actions.is_empty() || is_complete)
    }
}

impl Model for LaneModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.bus.is_out_of_order || !self.bounds_duplicates(state) {
            return; // Broken: what follows tells nothing new.
        }
        if state.row.recorded == self.events && state.strays.is_empty() {
            // Only renewals and claims of a lane that is done would follow.
            let is_sending = state.workers.iter().flatten().any(|tenure| tenure.send.is_some());
            if !is_sending {
                return;
            }
        }
        for worker in 0..state.workers.len() {
            let acts = self.acts(state, worker);
            actions.extend(acts.into_iter().map(|act| Action::Worker(worker, act)));
        }
        if self.may_expire(state) {
            actions.push(Action::LeaseExpires);
        }
        actions.extend((0..state.strays.len()).map(Action::StrayArrives));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Worker(worker, act) => self.act(&mut state, worker, act)?,
            Action::LeaseExpires => {
                state.row.is_expired = true;
                state.faults.expiries += 1;
            }
            Action::StrayArrives(index) => {
                let mut send = state.strays.remove(index);
                state.bus.take(send.next);
                send.next += 1;
                state.leave_behind(Some(send));
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ORDER, |_, state: &State| !state.bus.is_out_of_order),
            Property::always(NOTHING_LOST, Self::loses_nothing),
            Property::always(DUPLICATES_BOUNDED, Self::bounds_duplicates),
            Property::sometimes(
                "a zombie's message arrives after the take-over",
                |_, state: &State| state.faults.lost_tenures > 0 && state.bus.duplicates > 0,
            ),
            Property::sometimes("a worker is fenced while it sends", |_, state: &State| {
                let mut tenures = state.workers.iter().flatten();
                tenures.any(|t| t.epoch < state.row.epoch && t.send.is_some())
            }),
            Property::sometimes(
                "all is done after two lost tenures",
                |model: &Self, state: &State| {
                    state.row.recorded == model.events && state.faults.lost_tenures >= EXPIRIES_MAX
                },
            ),
        ]
    }
}
