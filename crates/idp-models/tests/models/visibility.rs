//! Who follows the log in which way sees what: the model behind `tick.rs` of idp-postgres and
//! decision 0011, and the ways of reading that were turned down.

mod database;
mod reader;
mod readers;

use crate::verdict::Verdict;
use database::Step::{Commit, Draw, Lock, Touch, Unlock};
use database::{Plan, Step};
use reader::Reading;
use readers::{NOTHING_LOST, NOTHING_TWICE, NUMBERED_ALIKE, ORDER, Readers};

/// The transaction id is drawn early, by a write to something else.
const EARLY_XID: &[Step] = &[Touch, Lock, Draw, Commit, Unlock];
/// The transaction id is drawn when the row is locked.
const XID_AT_LOCK: &[Step] = &[Lock, Draw, Commit, Unlock];
/// Broken: the position is drawn before the row is locked.
const DRAW_BEFORE_LOCK: &[Step] = &[Touch, Draw, Lock, Commit, Unlock];
/// Broken: others get the lock before they can see what was done under it.
const UNLOCK_BEFORE_COMMIT: &[Step] = &[Touch, Lock, Draw, Unlock, Commit];
/// On an aggregate of its own, for which nobody waits.
const ALONE: &[Step] = &[Touch, Draw, Commit];

/// Two transactions on one aggregate and one on another, each of which may abort.
fn three(steps: &'static [Step]) -> Vec<Plan> {
    let writer = |steps, aggregate, lock| Plan { steps, aggregate, lock, may_abort: true };
    vec![writer(steps, 0, 0), writer(steps, 0, 0), writer(ALONE, 1, 1)]
}

/// The same, none of which aborts.
fn committing(steps: &'static [Step]) -> Vec<Plan> {
    three(steps).into_iter().map(|plan| Plan { may_abort: false, ..plan }).collect()
}

/// One reader takes event by event, the other all there is.
fn two_readers(plans: Vec<Plan>, reading: Reading) -> Verdict {
    Verdict::of(&Readers { plans, reading, batches: vec![1, usize::MAX] })
}

#[test]
fn ticks_lose_nothing_and_keep_the_order() {
    two_readers(three(EARLY_XID), Reading::Ticks).holds();
    two_readers(three(XID_AT_LOCK), Reading::Ticks).holds();
}

#[test]
fn ticks_hold_with_three_writers_on_one_aggregate_and_one_beside() {
    let plan = |steps, aggregate| Plan { steps, aggregate, lock: aggregate, may_abort: false };
    let plans = vec![plan(EARLY_XID, 0), plan(EARLY_XID, 0), plan(XID_AT_LOCK, 0), plan(ALONE, 1)];
    Verdict::of(&Readers { plans, reading: Reading::Ticks, batches: vec![usize::MAX] }).holds();
}

#[test]
fn positions_are_enough_where_one_transaction_writes_at_a_time() {
    let plan = |aggregate| Plan { steps: XID_AT_LOCK, aggregate, lock: 0, may_abort: true };
    two_readers(vec![plan(0), plan(0), plan(1)], Reading::Position).holds();
}

#[test]
fn broken_positions_alone_lose_what_commits_late() {
    two_readers(committing(EARLY_XID), Reading::Position).breaks(&[NOTHING_LOST, NUMBERED_ALIKE]);
}

#[test]
fn broken_the_order_of_transaction_ids_inverts_the_versions() {
    two_readers(committing(EARLY_XID), Reading::XidPosition).breaks(&[ORDER]);
}

#[test]
fn broken_a_position_drawn_before_the_lock_inverts_the_versions_even_with_ticks() {
    two_readers(committing(DRAW_BEFORE_LOCK), Reading::Ticks).breaks(&[ORDER]);
}

#[test]
fn broken_a_lock_released_before_the_commit_is_seen_inverts_the_versions() {
    two_readers(committing(UNLOCK_BEFORE_COMMIT), Reading::Ticks).breaks(&[ORDER]);
}

#[test]
fn broken_windows_that_forget_who_was_running_lose_what_commits_late() {
    two_readers(committing(EARLY_XID), Reading::TicksWithoutRunning).breaks(&[NOTHING_LOST]);
}

#[test]
fn broken_snapshots_taken_before_the_lock_of_the_ticks_give_events_twice() {
    let plans = committing(EARLY_XID).into_iter().take(2).collect();
    two_readers(plans, Reading::TicksUnserialised).breaks(&[NOTHING_TWICE]);
}
