//! What there is: cursors, the floor of the log, a purge under way, a transaction that commits late,
//! and a worker that has lost its lease and goes on reading.

/// Which of the rules of `docs/purge.md` are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Rule 1: what may be dropped is decided while the gate is locked.
    pub(crate) cursors_read_under_gate: bool,
    /// Rule 2: a window is passed when it was read to its end.
    pub(crate) part_read_is_kept: bool,
    /// Rule 3: a new reader starts at the floor,
    pub(crate) joins_at_floor: bool,
    /// … which it reads while it holds the gate, until its rows are committed.
    pub(crate) joins_under_gate: bool,
    /// Rule 4: putting a reader back goes by the gate and no further than the floor.
    pub(crate) rewinds_to_floor: bool,
    /// Rule 5: the rows of a partition are looked at once nobody can write to it any more.
    pub(crate) rows_checked_under_lock: bool,
    /// Rule 6: a read counts if the floor is not above it afterwards.
    pub(crate) floor_checked_after_read: bool,
}

impl Rules {
    pub(crate) const KEPT: Self = Self {
        cursors_read_under_gate: true,
        part_read_is_kept: true,
        joins_at_floor: true,
        joins_under_gate: true,
        rewinds_to_floor: true,
        rows_checked_under_lock: true,
        floor_checked_after_read: true,
    };
}

/// A cursor in half windows: 2 is "window 1 is passed", 3 is "window 2 is read in part".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cursor(pub(crate) u8);

impl Cursor {
    pub(crate) fn at_the_start_of(window: u8) -> Self {
        Self(2 * (window - 1))
    }

    /// How many windows were read to their end.
    pub(crate) fn passed(self) -> u8 {
        self.0 / 2
    }

    /// The window that is read next, or read on.
    pub(crate) fn needed(self) -> u8 {
        self.passed() + 1
    }
}

/// The transaction that purges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Purge {
    #[default]
    Idle,
    /// Broken: has read the cursors and waits for the gate.
    DecidedEarly(u8),
    /// Has the gate.
    Gate,
    /// Has the gate and will drop all up to this window.
    Decided(u8),
    /// Also has the locks of the partitions; nobody can write to them.
    Locked(u8),
}

impl Purge {
    pub(crate) fn has_gate(self) -> bool {
        matches!(self, Self::Gate | Self::Decided(_) | Self::Locked(_))
    }
}

/// A transaction whose event lies in the first partition, and is in the last window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Late {
    /// Has drawn its position.
    #[default]
    Drawn,
    /// Has written, and with that a lock on the partition.
    Written,
    Committed,
    /// Rolled back, or found no partition for its position.
    Failed,
}

/// A reader that may come while others read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum NewReader {
    #[default]
    Absent,
    /// Broken: has read the floor and not yet written its rows.
    Joining(Cursor),
    Joined(Cursor),
}

/// A worker that goes on from the cursor that it had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Zombie {
    #[default]
    None,
    At(Cursor),
    /// Has checked (broken: too early) that the window is there.
    Checked(Cursor),
    /// Has read the window; whether its events were gone.
    Read(Cursor, bool),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) reader: Cursor,
    pub(crate) new_reader: NewReader,
    /// The first window that is kept.
    pub(crate) floor: u8,
    pub(crate) purge: Purge,
    pub(crate) late: Late,
    pub(crate) zombie: Zombie,
    /// A committed event was dropped that a reader had not read.
    pub(crate) is_unread_lost: bool,
    /// A window that is gone was taken for one without events.
    pub(crate) is_deceived: bool,
}

impl State {
    pub(crate) fn start() -> Self {
        Self {
            reader: Cursor::default(),
            new_reader: NewReader::default(),
            floor: 1,
            purge: Purge::default(),
            late: Late::default(),
            zombie: Zombie::default(),
            is_unread_lost: false,
            is_deceived: false,
        }
    }

    /// The cursors of the readers that are registered.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = Cursor> + use<> {
        let new = match self.new_reader {
            NewReader::Joined(cursor) => Some(cursor),
            _ => None,
        };
        [self.reader].into_iter().chain(new)
    }
}
