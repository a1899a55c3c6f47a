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
}
