//! The lease of a lane with zombies: the model behind `docs/relay.md`, its rules 1 to 6, and what
//! happens without some of them.

mod lane;
mod state;
mod worker;

use crate::verdict::Verdict;
use lane::{DUPLICATES_BOUNDED, LaneModel, NOTHING_LOST, ORDER};
use state::Rules;

/// Three events in batches of two; two expiries, and one fault of any other kind.
fn relay(rules: Rules) -> Verdict {
    Verdict::of(&LaneModel { events: 3, batch: 2, rules })
}

#[test]
fn the_rules_keep_the_order_lose_nothing_and_bound_duplicates() {
    relay(Rules::KEPT).holds();
}

#[test]
fn without_any_local_clock_they_hold_as_well() {
    relay(Rules { deadline: false, ..Rules::KEPT }).holds();
}

#[test]
fn broken_progress_that_is_taken_under_any_epoch_duplicates_without_bound() {
    relay(Rules { epoch_checked: false, ..Rules::KEPT }).breaks(&[DUPLICATES_BOUNDED]);
}

#[test]
fn broken_recording_before_publishing_loses_events() {
    relay(Rules { acknowledged_first: false, ..Rules::KEPT }).breaks(&[NOTHING_LOST, ORDER]);
}

#[test]
fn broken_a_send_that_starts_where_was_read_to_skips_what_failed() {
    relay(Rules { from_acknowledged: false, ..Rules::KEPT }).breaks(&[ORDER]);
}

#[test]
fn broken_sending_more_before_recording_duplicates_more_than_a_batch() {
    relay(Rules { recorded_before_more: false, ..Rules::KEPT }).breaks(&[DUPLICATES_BOUNDED]);
}
