//! The model: two windows and a third that a late commit makes, readers, and a purge, interleaved in
//! every way.

use super::state::{Cursor, Late, NewReader, Purge, Rules, State, Zombie};
use stateright::{Model, Property};

pub(crate) const NEVER_NEEDED: &str = "no reader ever needs a dropped window";
pub(crate) const UNREAD_KEPT: &str = "no committed event is dropped unread";
pub(crate) const NEVER_DECEIVED: &str = "nobody takes a dropped window for an empty one";

/// The window of the late commit; those before are there from the start.
const LATE_WINDOW: u8 = 3;

#[derive(Clone, Debug)]
pub(crate) struct Purging {
    pub(crate) rules: Rules,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    ReaderReads,
    ReaderIsPutBack,
    NewReaderAsksForTheFloor,
    NewReaderJoins,
    NewReaderReads,
    PurgeReadsCursorsEarly,
    PurgeLocksTheGate,
    PurgeDecides,
    PurgeLocksPartitions,
    PurgeCommits,
    PurgeRollsBack,
    LateWrites,
    LateCommits,
    LateRollsBack,
    ZombieFallsBehind,
    ZombieChecksTheFloor,
    ZombieReads,
    ZombieGoesOn,
}

impl Purging {
    /// How many windows all registered readers have passed.
    fn passed(&self, state: &State) -> u8 {
        let passed = |cursor: Cursor| match self.rules.part_read_is_kept {
            true => cursor.passed(),
            false => cursor.0.div_ceil(2),
        };
        state.cursors().map(passed).min().unwrap_or(0)
    }

    /// Whether a cursor has something before it.
    fn may_read(&self, state: &State, cursor: Cursor) -> bool {
        let last = if state.late == Late::Committed { LATE_WINDOW } else { LATE_WINDOW - 1 };
        cursor.needed() <= last
    }

    fn reader_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let is_gate_free = !state.purge.has_gate();
        let mut may = |action, condition: bool| actions.extend(condition.then_some(action));
        may(Action::ReaderReads, self.may_read(state, state.reader));
        let is_back = state.reader == self.rewound(state);
        may(Action::ReaderIsPutBack, !is_back && (is_gate_free || !self.rules.rewinds_to_floor));
        match state.new_reader {
            NewReader::Absent if self.rules.joins_under_gate => {
                may(Action::NewReaderJoins, is_gate_free);
            }
            NewReader::Absent => may(Action::NewReaderAsksForTheFloor, true),
            NewReader::Joining(_) => may(Action::NewReaderJoins, true),
            NewReader::Joined(cursor) => may(Action::NewReaderReads, self.may_read(state, cursor)),
        }
    }

    fn purge_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let is_writing = state.late == Late::Written;
        let mut may = |action, condition: bool| actions.extend(condition.then_some(action));
        match state.purge {
            Purge::Idle if self.rules.cursors_read_under_gate => {
                may(Action::PurgeLocksTheGate, true);
            }
            Purge::Idle => may(Action::PurgeReadsCursorsEarly, true),
            Purge::DecidedEarly(_) => may(Action::PurgeLocksTheGate, true),
            Purge::Gate => may(Action::PurgeDecides, self.passed(state) >= state.floor),
            Purge::Decided(_) => may(Action::PurgeLocksPartitions, !is_writing),
            Purge::Locked(through) => {
                let is_passed = state.late != Late::Committed || through >= LATE_WINDOW;
                may(Action::PurgeCommits, is_passed || !self.rules.rows_checked_under_lock);
            }
        }
        may(Action::PurgeRollsBack, state.purge != Purge::Idle);
    }

    fn late_actions(&self, state: &State, actions: &mut Vec<Action>) {
        match state.late {
            Late::Drawn if !matches!(state.purge, Purge::Locked(_)) => {
                actions.push(Action::LateWrites);
            }
            Late::Written => actions.extend([Action::LateCommits, Action::LateRollsBack]),
            _ => {}
        }
    }

    fn zombie_actions(&self, state: &State, actions: &mut Vec<Action>) {
        match state.zombie {
            Zombie::None => actions.push(Action::ZombieFallsBehind),
            Zombie::At(cursor) if !self.may_read(state, cursor) => {}
            Zombie::At(_) if self.rules.floor_checked_after_read => {
                actions.push(Action::ZombieReads);
            }
            Zombie::At(_) => actions.push(Action::ZombieChecksTheFloor),
            Zombie::Checked(_) => actions.push(Action::ZombieReads),
            Zombie::Read(..) => actions.push(Action::ZombieGoesOn),
        }
    }

    /// Where a reader starts anew.
    fn rewound(&self, state: &State) -> Cursor {
        let is_to_floor = self.rules.rewinds_to_floor;
        Cursor::at_the_start_of(if is_to_floor { state.floor } else { 1 })
    }

    fn joined(&self, state: &State) -> NewReader {
        match state.new_reader {
            NewReader::Joining(cursor) => NewReader::Joined(cursor),
            _ => {
                let window = if self.rules.joins_at_floor { state.floor } else { 1 };
                NewReader::Joined(Cursor::at_the_start_of(window))
            }
        }
    }

    fn step_purge(&self, state: &mut State, action: Action) {
        state.purge = match (action, state.purge) {
            (Action::PurgeReadsCursorsEarly, _) => Purge::DecidedEarly(self.passed(state)),
            (Action::PurgeLocksTheGate, Purge::DecidedEarly(through)) if through >= state.floor => {
                Purge::Decided(through)
            }
            (Action::PurgeLocksTheGate, Purge::Idle) => Purge::Gate,
            (Action::PurgeDecides, _) => Purge::Decided(self.passed(state)),
            (Action::PurgeLocksPartitions, Purge::Decided(through)) => Purge::Locked(through),
            (Action::PurgeCommits, Purge::Locked(through)) => {
                let mut cursors = state.cursors();
                let is_unread = cursors.any(|cursor| cursor.passed() < LATE_WINDOW);
                state.is_unread_lost |= is_unread && state.late == Late::Committed;
                state.floor = through + 1;
                Purge::Idle
            }
            _ => Purge::Idle,
        };
    }

    fn step_zombie(&self, state: &mut State, action: Action) {
        let is_gone = |cursor: Cursor| cursor.needed() < state.floor;
        state.zombie = match (action, state.zombie) {
            (Action::ZombieFallsBehind, _) => Zombie::At(state.reader),
            (Action::ZombieChecksTheFloor, Zombie::At(cursor)) if !is_gone(cursor) => {
                Zombie::Checked(cursor)
            }
            (Action::ZombieReads, Zombie::At(cursor) | Zombie::Checked(cursor)) => {
                Zombie::Read(cursor, is_gone(cursor))
            }
            (Action::ZombieGoesOn, Zombie::Read(cursor, was_gone)) => {
                if self.rules.floor_checked_after_read && is_gone(cursor) {
                    Zombie::None
                } else {
                    state.is_deceived |= was_gone;
                    Zombie::At(Cursor(cursor.0 + 1))
                }
            }
            _ => Zombie::None,
        };
    }
}

impl Model for Purging {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.reader_actions(state, actions);
        self.purge_actions(state, actions);
        self.late_actions(state, actions);
        self.zombie_actions(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::ReaderReads => state.reader.0 += 1,
            Action::ReaderIsPutBack => state.reader = self.rewound(&state),
            Action::NewReaderAsksForTheFloor => {
                state.new_reader = NewReader::Joining(Cursor::at_the_start_of(state.floor));
            }
            Action::NewReaderJoins => state.new_reader = self.joined(&state),
            Action::NewReaderReads => {
                if let NewReader::Joined(cursor) = &mut state.new_reader {
                    cursor.0 += 1;
                }
            }
            // Its partition may be gone: then there is no place for its position, and it fails.
            Action::LateWrites if state.floor > 1 => state.late = Late::Failed,
            Action::LateWrites => state.late = Late::Written,
            Action::LateCommits => state.late = Late::Committed,
            Action::LateRollsBack => state.late = Late::Failed,
            Action::ZombieFallsBehind
            | Action::ZombieChecksTheFloor
            | Action::ZombieReads
            | Action::ZombieGoesOn => self.step_zombie(&mut state, action),
            _ => self.step_purge(&mut state, action),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NEVER_NEEDED, |_, state: &State| {
                state.cursors().all(|cursor| cursor.needed() >= state.floor)
            }),
            Property::always(UNREAD_KEPT, |_, state: &State| !state.is_unread_lost),
            Property::always(NEVER_DECEIVED, |_, state: &State| !state.is_deceived),
            Property::sometimes(
                "all of a log with a late commit is dropped",
                |_, state: &State| state.floor > LATE_WINDOW && state.late == Late::Committed,
            ),
            Property::sometimes("a reader joins a log that was purged", |_, state: &State| {
                let is_new = matches!(state.new_reader, NewReader::Joined(_));
                is_new && state.floor > 1 && state.cursors().all(|c| c.needed() == state.floor)
            }),
            Property::sometimes("a late write finds its partition dropped", |_, state: &State| {
                state.late == Late::Failed && state.floor > 1
            }),
            Property::sometimes("a zombie reads a window that is gone", |_, state: &State| {
                matches!(state.zombie, Zombie::Read(_, true))
            }),
        ]
    }
}
