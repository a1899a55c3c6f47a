//! Every clause named here catches the bug it is there for: it passes on the memory store, and fails
//! on the same store with that bug in front of it.

mod harness;
mod saboteur;

use saboteur::{Bug, SabotagedHarness};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Whether the clause fails. The time is paused: whatever a clause waits for in vain, it waits for
/// no longer than it takes to notice that nothing moves.
fn fails(clause: impl Future<Output = ()>) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing");
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(clause))).is_err()
}

macro_rules! caught {
    ($($bug:ident => $suite:ident::$part:ident::$clause:ident;)+) => {$(
        #[allow(non_snake_case, reason = "the tests are named for the bugs")]
        mod $bug {
            use super::*;

            #[test]
            fn $clause() {
                let clause = async |bug| {
                    let harness = SabotagedHarness::start(bug).await;
                    idp_conformance::$suite::$part::$clause(harness).await;
                };
                assert!(!fails(clause(Bug::None)), "the clause fails without the bug");
                assert!(fails(clause(Bug::$bug)), "the clause does not catch the bug");
            }
        }
    )+};
}

caught! {
    LosesTheLastEvent => unit_of_work::commit::a_commit_writes_rows_and_events;
    SwapsTwoEvents => unit_of_work::commit::events_stand_in_the_order_in_which_they_were_raised;
    WritesEventsBeforeItChecks => outbox::reading::an_event_of_a_rolled_back_unit_is_never_read;
    CommitsRowByRow => unit_of_work::commit::a_commit_that_fails_on_its_last_row_writes_nothing;
    YieldsInTheMiddleOfACommit => unit_of_work::cancellation::a_commit_dropped_at_any_await_point_happens_as_a_whole_or_not_at_all;
    RereadsTheVersion => unit_of_work::versions::an_update_of_an_old_version_is_a_conflict;
    ClearsOtherColumns => unit_of_work::tracking::an_update_sets_the_columns_named_and_no_others;
    SwallowsDuplicates => unit_of_work::removal::a_unique_key_is_taken_while_its_row_lives;
    CountsNoRows => unit_of_work::cost::the_rows_read_and_written_are_counted;
    TakesARoundTripMore => unit_of_work::cost::changing_an_aggregate_stays_within_its_budget;

    LeaksAnotherTenant => repository::tenants::another_tenant_sees_nothing;
    ShowsDeletedRows => unit_of_work::removal::soft_delete_hides_an_aggregate;
    TakesUnknownForFalse => repository::specifications::comparisons_with_nulls_agree_with_memory;
    SortsTextByLanguage => repository::order::every_kind_sorts_as_in_memory;
    SortsNullsFirst => repository::order::nulls_sort_as_larger_than_everything;
    IgnoresTheStartOfAPage => repository::order::keyset_pages_visit_every_row_once;
    IgnoresTheLimit => repository::order::a_limit_and_an_offset_cut_a_part_out_of_the_list;
    RoundsFloats => unit_of_work::values::extreme_numbers_come_back_as_they_were;
    TrimsText => unit_of_work::values::text_comes_back_as_it_was;
    CutsMicroseconds => unit_of_work::values::instants_come_back_to_the_microsecond;

    SkipsAnEvent => outbox::reading::every_committed_event_is_read_once_in_the_order_of_versions;
    ReadsAnEventTwice => outbox::reading::every_committed_event_is_read_once_in_the_order_of_versions;
    ReordersALane => outbox::reading::every_committed_event_is_read_once_in_the_order_of_versions;
    IgnoresTheLimitOfARead => outbox::reading::a_limit_is_kept_and_reading_goes_on_behind_it;
    ChangesAnEnvelope => outbox::reading::an_envelope_survives_unchanged;
    GivesALaneToTwo => outbox::leases::a_lane_is_given_to_one_worker;
    KeepsTheEpoch => outbox::leases::a_claim_raises_the_epoch;
    AcceptsOldProgress => outbox::leases::progress_under_an_old_epoch_is_refused_and_changes_nothing;
    LetsLeasesExpireEarly => outbox::leases::a_lease_can_be_claimed_after_its_time_and_not_before;
    LetsLeasesExpireLate => outbox::leases::a_lease_can_be_claimed_after_its_time_and_not_before;
    ForgetsToRenew => outbox::leases::progress_renews_a_lease;
    ForgetsProgress => outbox::reading::reading_goes_on_where_the_worker_before_stopped;

    MovesTheCheckpointWithoutRows => projection::rows::rows_and_checkpoint_are_written_together;
    WritesRowsWithoutTheCheckpoint => projection::rows::rows_and_checkpoint_are_written_together;
    AppliesUnderAnOldEpoch => projection::rows::a_batch_under_an_old_epoch_writes_nothing;
    YieldsBetweenRowsAndCheckpoint => projection::rows::a_batch_dropped_at_any_await_point_is_applied_as_a_whole_or_not_at_all;
    KeepsRowsAtAReset => projection::rows::a_reset_empties_the_table_and_starts_from_the_beginning;
    ForgetsRevisions => projection::rows::a_revision_is_stored_with_its_row;

    ForgetsWhatWasSetAside => deliveries::recording::progress_and_what_was_set_aside_are_recorded_together;
    RecordsUnderAnOldEpoch => deliveries::recording::under_an_old_epoch_neither_is_recorded;
    CountsWhatItWasTold => deliveries::recording::recording_the_same_again_changes_nothing;
    SetsAsideAgain => deliveries::recording::what_was_sent_is_not_set_aside_again_by_a_late_record;
    SendsParkedKeys => deliveries::parking::nothing_of_a_parked_key_is_due;
    LosesWhatIsBehindADiscardedKey => deliveries::parking::an_event_behind_that_no_parked_key_holds_back_is_due;
    ReordersAKey => deliveries::parking::a_resumed_key_is_due_in_the_order_of_the_log;
    UnblocksTooEarly => deliveries::parking::a_key_is_blocked_until_all_of_it_was_sent;
    ForgetsRefusals => deliveries::parking::a_refused_event_of_the_side_track_parks_its_key_again;
    RenumbersWhatIsGivenAgain => deliveries::sending::what_was_given_is_given_again_under_the_same_numbers;
    GivesNewBeforeOld => deliveries::sending::what_was_given_is_given_before_anything_else;
    ReusesNumbers => deliveries::sending::a_number_is_never_given_to_another_event;
    IgnoresTheLimitOfWhatIsDue => deliveries::sending::a_limit_is_kept_and_the_rest_is_announced;
    HidesThatMoreIsDue => deliveries::sending::a_limit_is_kept_and_the_rest_is_announced;
    GivesToAZombie => deliveries::sending::a_worker_that_lost_its_lane_gets_nothing;
    SettlesForAZombie => deliveries::sending::a_settlement_under_an_old_epoch_is_fenced;
    SettlesOneTooMany => deliveries::sending::a_settlement_removes_what_was_acknowledged_and_no_more;
    DeliversEarly => deliveries::scheduling::a_scheduled_event_is_due_at_its_time_and_not_before;
    DeliversLate => deliveries::scheduling::a_scheduled_event_is_due_at_its_time_and_not_before;
    BlocksForWhatIsScheduled => deliveries::scheduling::a_scheduled_event_does_not_block_its_key;
    FreesWhatIsScheduledOfAParkedKey => deliveries::scheduling::an_event_that_is_scheduled_while_its_key_is_parked_waits;
    LosesTheLastRecord => deliveries::commands::every_command_leaves_a_record;
    ListsTheOldestRecordFirst => deliveries::commands::records_come_the_latest_first;
    ListsFromTheStart => deliveries::commands::parked_keys_are_listed_page_by_page;
    DiscardsTheWholeKey => deliveries::commands::a_discarded_event_is_never_sent;
    HidesEdits => deliveries::commands::an_edited_event_says_that_it_was_edited;
    ResumesAfterAnEdit => deliveries::commands::an_edit_leaves_the_key_parked;
    IgnoresRevisions => deliveries::refusals::a_command_about_another_revision_is_a_conflict;
    ResumesTwice => deliveries::refusals::a_key_that_is_resumed_cannot_be_resumed;
    MixesTenantsUp => deliveries::apart::a_key_of_one_tenant_never_shows_for_another;
    MixesReadersUp => deliveries::apart::readers_set_aside_on_their_own;
    LosesOneInSeven => deliveries::histories::each_event_is_sent_once_or_discarded_in_the_order_of_its_key;
    IsLockedOutNowAndThen => deliveries::concurrency::workers_and_operators_at_once_neither_fail_nor_lose_anything;
    NumbersAnewWhenItWasGivenUp => deliveries::cancellation::what_is_due_is_numbered_once_however_often_asking_is_given_up;
    SettlesByHalves => deliveries::cancellation::a_settlement_dropped_at_any_await_point_happens_as_a_whole_or_not_at_all;
    RecordsALittleLater => deliveries::cancellation::a_command_dropped_at_any_await_point_happens_with_its_record_or_not_at_all;

    SplitsUnderAnOldEpoch => tenants::tracks::a_split_under_an_old_epoch_is_fenced;
    ForgetsTheRevision => tenants::tracks::a_split_under_another_revision_changes_nothing;
    StartsATrackAnew => tenants::tracks::the_next_owner_finds_the_tracks;
    MergesTooEarly => tenants::tracks::a_merge_of_a_track_with_another_number_changes_nothing;
    LosesWhatATrackSetAside => tenants::progress::progress_of_a_track_is_recorded_with_what_was_set_aside;
    RecordsTracksUnderAnOldEpoch => tenants::progress::progress_of_a_track_under_an_old_epoch_is_refused;
    ShowsOthersInAScope => tenants::scopes::a_scope_gives_its_events_and_counts_those_of_the_others;
    DropsWhatTheScopeLeavesOut => tenants::scopes::a_scope_gives_its_events_and_counts_those_of_the_others;
    ForgetsPolicies => tenants::policies::a_policy_takes_the_place_of_the_one_before;
    TakesAnyPolicy => tenants::policies::a_policy_that_is_out_of_bounds_changes_nothing;

    DropsWhatOneReaderHasPassed => log_keeping::purging::what_a_reader_has_not_passed_is_kept;
    IgnoresHolds => log_keeping::purging::a_hold_keeps_what_is_there;
    IgnoresThePolicy => log_keeping::purging::the_policy_keeps_more;
    ForgetsTheLiving => log_keeping::keeping::a_reader_with_living_workers_is_not_forgotten_unless_forced;
    LosesTheLastKeepingRecord => log_keeping::keeping::a_command_leaves_a_record;
    ForgetsHowManyWereDropped => log_keeping::purging::a_late_reader_counts_as_the_others_do;
    TakesWhatIsGoneForNothing => log_keeping::purging::a_place_behind_which_something_was_dropped_cannot_be_read;
    RebuildsFromAPart => log_keeping::purging::a_read_model_is_not_rebuilt_from_a_part_of_the_log;

    CountsWhatIsPassed => log_lag::behind::what_is_passed_is_not_counted;
    MixesTenantsInALag => log_lag::behind::what_is_not_passed_is_counted_by_lane_and_tenant;
    HidesStandingLanes => log_lag::behind::a_lane_that_stands_still_does_not_hide_the_others;
    TellsTheYoungestForTheOldest => log_lag::behind::the_oldest_event_is_that_of_those_not_passed;
    SaysThatAllWasLookedAt => log_lag::behind::no_more_than_the_bound_is_looked_at_and_that_is_said;
    LooksAtMoreThanTheBound => log_lag::behind::no_more_than_the_bound_is_looked_at_and_that_is_said;
    TakesResumedForParked => log_lag::aside::parked_keys_and_what_waits_behind_them_are_counted;
    TakesScheduledForBlocked => log_lag::aside::what_is_scheduled_is_counted_apart;
    HidesHolds => log_lag::aside::a_hold_is_a_blocker_the_oldest_first;
}
