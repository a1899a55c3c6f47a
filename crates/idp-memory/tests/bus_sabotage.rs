//! Every clause of the suite of buses catches the bug that is named here: it passes on the memory
//! bus, and fails on the same bus with that bug in front of it.

mod bus_harness;
mod bus_saboteur;

use bus_saboteur::{Bug, SabotagedBusHarness};
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
    ($($part:ident::$clause:ident: $($bug:ident),+;)+) => {$(
        mod $clause {
            use super::*;

            async fn clause(bug: Bug) {
                let harness = SabotagedBusHarness::start(bug);
                idp_conformance::event_bus::$part::$clause(harness).await;
            }

            #[test]
            fn passes_without_a_bug() {
                assert!(!fails(clause(Bug::None)));
            }

            $(
                #[test]
                #[allow(non_snake_case, reason = "the tests are named for the bugs")]
                fn $bug() {
                    assert!(fails(clause(Bug::$bug)), "the clause does not catch the bug");
                }
            )+
        }
    )+};
}

caught! {
    order::messages_of_one_key_are_stored_in_the_order_given: SwapsTwoMessages;
    order::what_was_acknowledged_is_stored: AcksBeforeItStores;
    order::the_messages_of_one_call_go_to_their_topics: StoresInTheFirstTopic;
    order::an_empty_call_is_accepted: RefusesAnEmptyCall;

    wire::attributes_data_and_content_type_arrive_unchanged: DropsAnAttribute, ForgetsTheContentType;
    wire::text_of_any_script_arrives_unchanged: EncodesTwice;
    wire::control_characters_arrive_unchanged_or_are_refused: BreaksHeaders;
    wire::data_of_any_bytes_arrives_unchanged: CutsDataAtAZero;
    wire::data_of_the_declared_size_is_taken: DeclaresMoreThanItTakes;

    refusal::a_message_that_is_too_large_is_refused_behind_what_stands_before_it:
        CallsTooLargeUnavailable, ForgetsWhatItTookBeforeARefusal, CountsARefusedMessageAsTaken;
    refusal::nothing_of_its_key_overtakes_a_message_that_is_too_large: StoresTheRestAfterARefusal;
    refusal::publishing_goes_on_behind_a_message_that_is_too_large: CountsARefusedMessageAsTaken;
    refusal::a_message_for_an_unknown_topic_is_refused_behind_what_stands_before_it:
        CallsAnUnknownTopicUnavailable;
    refusal::publishing_goes_on_behind_a_message_for_an_unknown_topic: IsSilentAboutAnUnknownTopic;
    refusal::a_refused_message_troubles_no_other_stream: RefusesTheNextOne;

    numbering::what_the_next_worker_publishes_again_is_stored_once:
        StoresAgain, NumbersFromOneInEachProcess;
    numbering::a_batch_that_begins_with_old_numbers_is_stored_to_its_end: JudgesABatchByItsFirst;
    numbering::what_comes_again_from_the_same_worker_is_stored_once: StoresAgain;
    numbering::numbers_may_be_left_out: NumbersFromOneInEachProcess;
    numbering::numbers_may_be_large: KeepsNumbersIn32Bits;
    numbering::one_handle_serves_rising_epochs: LosesTheFirstOfAnEpoch;
    numbering::tracks_and_lanes_number_on_their_own: TakesTracksForOne;
    numbering::numbers_run_over_the_topics_of_a_stream: StoresAgain;

    fencing::what_an_older_epoch_publishes_again_adds_nothing: StoresAgain;
    fencing::new_messages_of_an_older_epoch_are_refused: LetsZombiesIn, CallsAFenceUnavailable;
    fencing::an_older_epoch_is_refused_in_the_middle_of_its_send: FencesAtTheStartOfASend;
    fencing::a_stream_is_fenced_and_no_other: FencesEveryStream;

    network::a_bus_that_is_cut_off_is_unavailable_and_recovers_by_itself:
        NeverRecovers, HangsWithoutANetwork, CallsACutARefusal, LosesOneOnReconnect;
    network::a_cut_in_the_middle_of_a_send_loses_nothing: ClaimsOneTooMany;
    network::a_cut_in_the_middle_of_what_is_sent_loses_nothing: ClaimsOneTooMany;
    network::a_cut_in_the_middle_of_the_answers_loses_nothing: StoresAgain;
    network::many_streams_recover_from_a_cut_each_in_its_order: TurnsRoundOnReconnect;

    pressure::a_full_topic_refuses_nothing_and_loses_nothing:
        RefusesForWantOfRoom, DropsForWantOfRoom, CountsWhatFoundNoRoomAsTaken, StaysFull;
    pressure::a_full_topic_holds_up_no_other: ThrottlesAllForOneTopic, StopsAllForOneTopic;
    pressure::what_waits_for_room_arrives_in_its_order_when_there_is_some:
        TurnsRoundOnReconnect, StaysFull;

    cancellation::a_send_dropped_at_any_await_point_loses_nothing:
        LeavesALateMessage, TakesADroppedSendForDone;
    cancellation::a_send_dropped_after_some_time_loses_nothing: TakesADroppedSendForDone;
    cancellation::a_send_dropped_without_a_network_loses_nothing: FlushesABufferOutOfOrder;
    cancellation::a_send_dropped_in_the_middle_of_a_cut_loses_nothing: FlushesABufferOutOfOrder;
    cancellation::a_dropped_send_holds_up_no_other_stream: StaysBusyAfterADrop;
    cancellation::sends_dropped_again_and_again_get_there_in_the_end: BeginsAnewAfterADrop;

    concurrency::many_streams_at_once_arrive_each_in_its_order: LosesOneUnderLoad;
    concurrency::streams_of_several_handles_arrive_each_in_its_order: KnowsOneHandle;
    concurrency::large_batches_at_once_arrive_each_in_its_order: SplitsLargeBatches;
}
