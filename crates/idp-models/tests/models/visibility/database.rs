//! A database as far as visibility goes: transactions that take ids, locks and positions, and end.

/// What a transaction does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Writes something else, which gives it its id.
    Touch,
    /// Locks the row of its aggregate (waits for whoever has it) and writes the next version.
    Lock,
    /// Draws the position of its event.
    Draw,
    /// From now on, snapshots see it.
    Commit,
    /// Others get the lock.
    Unlock,
}

/// What a transaction will do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) steps: &'static [Step],
    pub(crate) aggregate: usize,
    pub(crate) lock: usize,
    /// Whether it may end without its commit.
    pub(crate) may_abort: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    #[default]
    Running,
    Committed,
    Aborted,
}

/// How far a transaction is. Ids, positions and versions count from 1; 0 is none yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Transaction {
    at: usize,
    xid: u8,
    position: u8,
    version: u8,
    has_lock: bool,
    outcome: Outcome,
}

/// Who is seen: those below `xmax`, but for those that were running.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Snapshot {
    pub(crate) xmax: u8,
    pub(crate) running: Vec<u8>,
}

impl Snapshot {
    pub(crate) fn sees(&self, xid: u8) -> bool {
        xid < self.xmax && !self.running.contains(&xid)
    }
}

/// A row of the outbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) transaction: u8,
    pub(crate) xid: u8,
    pub(crate) position: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Database {
    transactions: Vec<Transaction>,
    xids: u8,
    positions: u8,
    versions: [u8; 2],
}

impl Database {
    pub(crate) fn new(transactions: usize) -> Self {
        let transactions = vec![Transaction::default(); transactions];
        Self { transactions, xids: 0, positions: 0, versions: [0, 0] }
    }

    pub(crate) fn version_of(&self, transaction: u8) -> u8 {
        self.transactions[usize::from(transaction)].version
    }

    /// Whether no transaction has anything left to do.
    pub(crate) fn is_quiet(&self, plans: &[Plan]) -> bool {
        let mut each = self.transactions.iter().zip(plans);
        each.all(|(transaction, plan)| transaction.at == plan.steps.len())
    }

    /// What is committed, in no particular order.
    pub(crate) fn committed(&self) -> impl Iterator<Item = Event> {
        let each = self.transactions.iter().zip(0..);
        let committed = each.filter(|(t, _)| t.outcome == Outcome::Committed);
        committed.map(|(t, transaction)| Event { transaction, xid: t.xid, position: t.position })
    }

    /// A snapshot taken now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let running = |t: &&Transaction| t.xid > 0 && t.outcome == Outcome::Running;
        let mut running: Vec<u8> =
            self.transactions.iter().filter(running).map(|t| t.xid).collect();
        running.sort_unstable();
        Snapshot { xmax: self.xids + 1, running }
    }

    /// The id below which every transaction has ended.
    pub(crate) fn xmin(&self) -> u8 {
        let snapshot = self.snapshot();
        snapshot.running.first().copied().unwrap_or(snapshot.xmax)
    }

    /// What that transaction can do now; nothing while it waits for a lock.
    pub(crate) fn next_step(&self, plans: &[Plan], index: usize) -> Option<Step> {
        let step = *plans[index].steps.get(self.transactions[index].at)?;
        let holds =
            |(other, plan): (&Transaction, &Plan)| other.has_lock && plan.lock == plans[index].lock;
        let waits = step == Step::Lock && self.transactions.iter().zip(plans).any(holds);
        (!waits).then_some(step)
    }

    pub(crate) fn take(&mut self, step: Step, plans: &[Plan], index: usize) {
        match step {
            Step::Touch => self.draw_xid(index),
            Step::Lock => {
                self.draw_xid(index);
                let version = &mut self.versions[plans[index].aggregate];
                *version += 1;
                self.transactions[index].version = *version;
                self.transactions[index].has_lock = true;
            }
            Step::Draw => {
                self.positions += 1;
                self.transactions[index].position = self.positions;
            }
            Step::Commit => self.transactions[index].outcome = Outcome::Committed,
            Step::Unlock => self.transactions[index].has_lock = false,
        }
        self.transactions[index].at += 1;
    }

    /// Ends without a trace, but for the numbers it drew.
    pub(crate) fn abort(&mut self, plans: &[Plan], index: usize) {
        let transaction = &mut self.transactions[index];
        if transaction.has_lock {
            self.versions[plans[index].aggregate] -= 1;
        }
        transaction.has_lock = false;
        transaction.outcome = Outcome::Aborted;
        transaction.at = plans[index].steps.len();
    }

    fn draw_xid(&mut self, index: usize) {
        if self.transactions[index].xid == 0 {
            self.xids += 1;
            self.transactions[index].xid = self.xids;
        }
    }
}
