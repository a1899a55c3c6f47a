//! What there is: the row of the lane, two workers, sends on their way, and a bus that counts.

/// Which of the rules of `docs/relay.md` are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Progress counts under the present epoch only.
    pub(crate) epoch_checked: bool,
    /// Rule 1: what is recorded was acknowledged.
    pub(crate) acknowledged_first: bool,
    /// Rules 2 and 4: a send starts behind what was acknowledged.
    pub(crate) from_acknowledged: bool,
    /// Rule 5: what was sent is recorded before more is sent.
    pub(crate) recorded_before_more: bool,
    /// Rule 6: no send starts after the deadline of the worker, which comes before the lease expires.
    pub(crate) deadline: bool,
}

impl Rules {
    pub(crate) const KEPT: Self = Self {
        epoch_checked: true,
        acknowledged_first: true,
        from_acknowledged: true,
        recorded_before_more: true,
        deadline: true,
    };
}

/// The row of `idp_reader_lane`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) is_owned: bool,
    /// `lease_until < clock_timestamp()`.
    pub(crate) is_expired: bool,
    pub(crate) epoch: u8,
    /// All events up to this one are recorded as done.
    pub(crate) recorded: u8,
}

/// Messages that the bus was given and that still may arrive, in order, whatever became of the
/// worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Send {
    pub(crate) next: u8,
    pub(crate) last: u8,
}

impl Send {
    pub(crate) fn has_arrived(self) -> bool {
        self.next > self.last
    }
}

/// What a worker that believes to have the lease knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tenure {
    pub(crate) epoch: u8,
    /// Recorded, as far as it knows.
    pub(crate) recorded: u8,
    pub(crate) acknowledged: u8,
    /// How far it has read: equal to `acknowledged` between sends, unless rule 2 is broken.
    pub(crate) read: u8,
    /// Its deadline has not passed.
    pub(crate) may_send: bool,
    pub(crate) send: Option<Send>,
}

/// What arrived at the bus. The first delivery of an event must follow that of the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Bus {
    /// Events 1 to this one have arrived.
    pub(crate) first_deliveries: u8,
    pub(crate) duplicates: u8,
    /// An event arrived before one that precedes it.
    pub(crate) is_out_of_order: bool,
}

impl Bus {
    pub(crate) fn take(&mut self, event: u8) {
        if event <= self.first_deliveries {
            self.duplicates += 1;
        } else if event == self.first_deliveries + 1 {
            self.first_deliveries = event;
        } else {
            self.is_out_of_order = true;
        }
    }
}

/// What has gone wrong so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// How often the lease expired.
    pub(crate) expiries: u8,
    /// Tenures that another claim ended.
    pub(crate) lost_tenures: u8,
    /// Sends whose outcome the bus left open.
    pub(crate) left_open: u8,
    pub(crate) refusals: u8,
    pub(crate) crashes: u8,
    pub(crate) releases: u8,
}

impl Faults {
    /// All but the expiries.
    pub(crate) fn others(&self) -> u8 {
        self.left_open + self.refusals + self.crashes + self.releases
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) row: Row,
    pub(crate) workers: [Option<Tenure>; 2],
    /// Sends that nobody waits for any more.
    pub(crate) strays: Vec<Send>,
    pub(crate) bus: Bus,
    pub(crate) faults: Faults,
}

impl State {
    /// Forgets the lease; what was given to the bus may yet arrive.
    pub(crate) fn forget(&mut self, worker: usize) {
        let send = self.workers[worker].take().and_then(|tenure| tenure.send);
        self.leave_behind(send);
    }

    pub(crate) fn leave_behind(&mut self, send: Option<Send>) {
        self.strays.extend(send.filter(|send| !send.has_arrived()));
        self.strays.sort_unstable();
    }
}
