//! Purge against cursors: the model behind `docs/purge.md`, written before the code.

mod log;
mod state;

use crate::verdict::Verdict;
use log::{NEVER_DECEIVED, NEVER_NEEDED, Purging, UNREAD_KEPT};
use state::Rules;

fn purging(rules: Rules) -> Verdict {
    Verdict::of(&Purging { rules })
}

#[test]
fn nothing_that_anybody_needs_is_dropped() {
    purging(Rules::KEPT).holds();
}

#[test]
fn broken_cursors_read_before_the_gate_is_locked_miss_a_new_reader() {
    purging(Rules { cursors_read_under_gate: false, ..Rules::KEPT })
        .breaks(&[NEVER_NEEDED, UNREAD_KEPT]);
}

#[test]
fn broken_a_new_reader_at_the_start_of_the_log_needs_what_is_gone() {
    purging(Rules { joins_at_floor: false, ..Rules::KEPT }).breaks(&[NEVER_NEEDED]);
}

#[test]
fn broken_a_new_reader_that_does_not_take_the_gate_is_overtaken() {
    purging(Rules { joins_under_gate: false, ..Rules::KEPT }).breaks(&[NEVER_NEEDED, UNREAD_KEPT]);
}

#[test]
fn broken_a_window_that_is_read_in_part_counts_as_passed() {
    purging(Rules { part_read_is_kept: false, ..Rules::KEPT }).breaks(&[NEVER_NEEDED, UNREAD_KEPT]);
}

#[test]
fn broken_a_reader_that_is_put_back_to_the_start_needs_what_is_gone() {
    purging(Rules { rewinds_to_floor: false, ..Rules::KEPT }).breaks(&[NEVER_NEEDED, UNREAD_KEPT]);
}

#[test]
fn broken_rows_looked_at_before_the_partition_is_locked_miss_a_late_commit() {
    purging(Rules { rows_checked_under_lock: false, ..Rules::KEPT }).breaks(&[UNREAD_KEPT]);
}

#[test]
fn broken_a_floor_checked_before_the_read_deceives_a_zombie() {
    purging(Rules { floor_checked_after_read: false, ..Rules::KEPT }).breaks(&[NEVER_DECEIVED]);
}
