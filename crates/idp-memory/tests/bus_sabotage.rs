//! Every clause of the suite of buses catches the bug that is named here: it passes on the memory
//! bus, and fails on the same bus with that bug in front of it, with the words that stand behind the bug.

mod bus_harness;
mod bus_saboteur;

use bus_saboteur::{Bug, SabotagedBusHarness};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the clause fails with; `None` if it passes. The time is paused: whatever a clause waits for in
/// vain, it waits for no longer than it takes to notice that nothing moves.
fn failure(clause: impl Future<Output = ()>) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing");
    let panic = catch_unwind(AssertUnwindSafe(|| runtime.block_on(clause))).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .or_else(|| Some("something without words".to_owned()))
}

/// The clause has to fail for what the bug does, not for something else.
fn is_caught(failure: Option<String>, crime: &str) {
    let failure = failure.expect("the clause does not catch the bug");
    assert!(failure.contains(crime), "it fails, but not with `{crime}`: {failure}");
}

macro_rules! caught {
    ($($part:ident::$clause:ident: $($bug:ident $crime:literal),+;)+) => {$(
        mod $clause {
            use super::*;

            async fn clause(bug: Bug) {
                let harness = SabotagedBusHarness::start(bug);
                idp_conformance::event_bus::$part::$clause(harness).await;
            }

            #[test]
            fn passes_without_a_bug() {
                for bug in [Bug::None, Bug::WaitsForRoom] {
                    assert_eq!(failure(clause(bug)), None, "{bug:?}");
                }
            }

            $(
                #[test]
                #[allow(non_snake_case, reason = "the tests are named for the bugs")]
                fn $bug() {
                    is_caught(failure(clause(Bug::$bug)), $crime);
                }
            )+
        }
    )+};
}

caught! {
    order::messages_of_one_key_are_stored_in_the_order_given:
        SwapsTwoMessages "stands behind",
        GivesUpAtOnce "not taken over",
        GivesUpAgainAndAgain "not taken over";
    order::what_was_acknowledged_is_stored: AcksBeforeItStores "left: []";
    order::the_messages_of_one_call_go_to_their_topics:
        StoresInTheFirstTopic "letters holds what nobody sent";
    order::an_empty_call_is_accepted: RefusesAnEmptyCall "nothing to publish";

    wire::attributes_data_and_content_type_arrive_unchanged:
        DropsAnAttribute r#"000001Z", "tracestate""#,
        ForgetsTheContentType r#"content_type: "application/json","#;
    wire::text_of_any_script_arrives_unchanged: EncodesTwice "%25";
    wire::control_characters_arrive_unchanged_or_are_refused: BreaksHeaders r#""forged": "#;
    wire::data_of_any_bytes_arrives_unchanged: CutsDataAtAZero "data: []";
    wire::data_of_the_declared_size_is_taken:
        DeclaresMoreThanItTakes "publish: the message is too large";

    refusal::a_message_that_is_too_large_is_refused_behind_what_stands_before_it:
        CallsTooLargeUnavailable "left: (Unavailable, 0)",
        ForgetsWhatItTookBeforeARefusal "left: (Refused, 0)",
        CountsARefusedMessageAsTaken "left: (Refused, 1)";
    refusal::nothing_of_its_key_overtakes_a_message_that_is_too_large:
        StoresTheRestAfterARefusal "19, 20, 22, 23";
    refusal::publishing_goes_on_behind_a_message_that_is_too_large:
        CountsARefusedMessageAsTaken "left: (Refused, 1)";
    refusal::a_message_for_an_unknown_topic_is_refused_behind_what_stands_before_it:
        CallsAnUnknownTopicUnavailable "left: (Unavailable, 0)";
    refusal::publishing_goes_on_behind_a_message_for_an_unknown_topic:
        IsSilentAboutAnUnknownTopic "a message was taken over that is to be refused";
    refusal::a_refused_message_troubles_no_other_stream:
        RefusesTheNextOne "Refused of a good message";

    numbering::what_the_next_worker_publishes_again_is_stored_once:
        StoresAgain "letters/0#000001 2 times",
        NumbersFromOneInEachProcess "lacks what was taken over";
    numbering::a_batch_that_begins_with_old_numbers_is_stored_to_its_end:
        JudgesABatchByItsFirst "lacks what was taken over";
    numbering::what_comes_again_from_the_same_worker_is_stored_once:
        StoresAgain "letters/0#000001 2 times";
    numbering::numbers_may_be_left_out: NumbersFromOneInEachProcess "lacks what was taken over";
    numbering::numbers_may_be_large: KeepsNumbersIn32Bits "lacks what was taken over";
    numbering::one_handle_serves_rising_epochs: LosesTheFirstOfAnEpoch "lacks what was taken over";
    numbering::tracks_and_lanes_number_on_their_own: TakesTracksForOne "lacks what was taken over";
    numbering::numbers_run_over_the_topics_of_a_stream: StoresAgain "2 times";

    fencing::what_an_older_epoch_publishes_again_adds_nothing: StoresAgain "9, 10, 4, 5, 6, 7, 8]";
    fencing::new_messages_of_an_older_epoch_are_refused:
        LetsZombiesIn "a zombie is refused: ()",
        CallsAFenceUnavailable "left: (Unavailable, 0)";
    fencing::an_older_epoch_is_refused_in_the_middle_of_its_send:
        FencesAtTheStartOfASend "it ended with Ok(())";
    fencing::a_stream_is_fenced_and_no_other:
        FencesEveryStream "publish: a newer epoch publishes";

    network::a_bus_that_is_cut_off_is_unavailable_and_recovers_by_itself:
        NeverRecovers "it does not recover",
        HangsWithoutANetwork "no answer within 30s",
        CallsACutARefusal "Refused: after 0 accepted",
        LosesOneOnReconnect "lacks what was taken over",
        CutsNothing "nothing can be taken over without a network";
    network::a_cut_in_the_middle_of_a_send_loses_nothing:
        ClaimsOneTooMany "lacks what was taken over",
        CutsNothing "no send was interrupted";
    network::a_cut_in_the_middle_of_what_is_sent_loses_nothing:
        ClaimsOneTooMany "lacks what was taken over",
        CutsNothing "no send was interrupted";
    network::a_cut_in_the_middle_of_the_answers_loses_nothing:
        StoresAgain "2 times",
        CutsNothing "no send was interrupted";
    network::many_streams_recover_from_a_cut_each_in_its_order:
        TurnsRoundOnReconnect "stands behind",
        CutsNothing "taken over without a network";

    pressure::a_full_topic_refuses_nothing_and_loses_nothing:
        RefusesForWantOfRoom "Refused for want of room",
        DropsForWantOfRoom "only 0 of 20 sends",
        CountsWhatFoundNoRoomAsTaken "lacks what was taken over",
        StaysFull "it does not recover";
    pressure::a_full_topic_holds_up_no_other:
        ThrottlesAllForOneTopic "Throttled(None) for want of room",
        StopsAllForOneTopic "publish: there was no room",
        SendsOneAtATime "sends wait until one that found no room has ended";
    pressure::what_waits_for_room_arrives_in_its_order_when_there_is_some:
        TurnsRoundOnReconnect "stands behind",
        StaysFull "it does not recover",
        IsFullForSome "in vain for each stream: to find no room";

    cancellation::a_send_dropped_at_any_await_point_loses_nothing:
        LeavesALateMessage "stands behind",
        TakesADroppedSendForDone "lacks what was taken over";
    cancellation::a_send_dropped_after_some_time_loses_nothing:
        TakesADroppedSendForDone "lacks what was taken over";
    cancellation::a_send_dropped_without_a_network_loses_nothing:
        FlushesABufferOutOfOrder "stands behind",
        CutsNothing "taken over without a network";
    cancellation::a_send_dropped_in_the_middle_of_a_cut_loses_nothing:
        FlushesABufferOutOfOrder "3 times",
        CutsNothing "no send was cut";
    cancellation::a_dropped_send_holds_up_no_other_stream:
        StaysBusyAfterADrop "no answer within 30s",
        IsBusyAWhileAfterADrop "beside 20 dropped sends the others took";
    cancellation::sends_dropped_again_and_again_get_there_in_the_end:
        BeginsAnewAfterADrop "none got further";

    concurrency::many_streams_at_once_arrive_each_in_its_order:
        LosesOneUnderLoad "lacks what was taken over";
    concurrency::streams_of_several_handles_arrive_each_in_its_order:
        KnowsOneHandle "lacks what was taken over";
    concurrency::large_batches_at_once_arrive_each_in_its_order: SplitsLargeBatches "stands behind";
}

/// The machine may be slow.
#[test]
fn a_bus_that_gives_up_its_first_send_late_is_asked_again() {
    let harness = SabotagedBusHarness::start(Bug::GivesUpLateOnce);
    let clause = idp_conformance::event_bus::order::what_was_acknowledged_is_stored(harness);
    assert_eq!(failure(clause), None);
}
