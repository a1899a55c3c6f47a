//! Histories made by hand: sound ones pass, and each broken promise is found.

use crate::{Delivery, Entry, Fault, History, Intent, Outcome, Violation, check};
use idp_domain::{TenantId, Uuid};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn tenant() -> TenantId {
    TenantId::new("acme").expect("valid")
}

fn intent(aggregate: u128, version: i64, events: &[u128], outcome: Outcome) -> Intent {
    let events = events.iter().map(|event| id(*event)).collect();
    let scheduled = vec![];
    Intent { tenant: tenant(), aggregate: id(aggregate), version, events, scheduled, outcome }
}

fn delivery(worker: u128, epoch: i64, sequence: i64, event: u128) -> Delivery {
    let stream = "bus/5".into();
    Delivery { worker: id(worker), lane: 5, stream, epoch, sequence, event: id(event) }
}

/// Aggregate 1 with events 11, 12, 13 in two commits, delivered by worker 1 under epoch 1.
fn sound() -> History {
    History {
        batch_size: 2,
        intents: vec![
            intent(1, 1, &[11], Outcome::Committed),
            intent(1, 2, &[12, 13], Outcome::Committed),
        ],
        deliveries: vec![delivery(1, 1, 1, 11), delivery(1, 1, 2, 12), delivery(1, 1, 3, 13)],
        ..History::default()
    }
}

fn duplicates(history: &History) -> Vec<(i64, u64, u64)> {
    let violations = check(history);
    let duplicates = violations.iter().map(|violation| match violation {
        Violation::Duplicates { epoch, found, allowed, .. } => (*epoch, *found, *allowed),
        other => panic!("only duplicates were expected, not: {other}"),
    });
    duplicates.collect()
}

#[test]
fn a_sound_history_has_no_violations() {
    assert_eq!(check(&sound()), []);
}

#[test]
fn an_event_that_never_arrives_is_lost() {
    let mut history = sound();
    history.deliveries.pop();
    let lost = Violation::Lost { tenant: tenant(), aggregate: id(1), event: id(13) };
    assert_eq!(check(&history), [lost]);
}

#[test]
fn an_event_of_a_rolled_back_commit_is_a_phantom() {
    let mut history = sound();
    history.intents[1].outcome = Outcome::RolledBack;
    let phantom = |event| Violation::Phantom { event: id(event) };
    assert_eq!(check(&history), [phantom(12), phantom(13)]);
}

#[test]
fn an_event_that_nobody_meant_to_commit_is_a_phantom() {
    let mut history = sound();
    history.deliveries.push(delivery(1, 1, 4, 99));
    assert_eq!(check(&history), [Violation::Phantom { event: id(99) }]);
}

#[test]
fn an_event_before_its_predecessor_is_out_of_order() {
    let mut history = sound();
    history.deliveries = vec![delivery(1, 1, 1, 12), delivery(1, 1, 2, 11), delivery(1, 1, 3, 13)];
    let violation = Violation::OutOfOrder { aggregate: id(1), event: id(12), before: id(11) };
    assert_eq!(check(&history), [violation]);
}

#[test]
fn a_redelivery_in_another_order_is_no_violation_of_order() {
    let mut history = sound();
    history.deliveries.push(delivery(2, 2, 1, 11));
    history.faults = vec![Fault::LeasesLost { worker: id(1) }.into()];
    assert_eq!(check(&history), []);
}

#[test]
fn a_commit_with_unknown_outcome_may_arrive_or_not_but_not_in_part() {
    let mut history = sound();
    history.intents[1].outcome = Outcome::Unknown;
    assert_eq!(check(&history), []);
    let last = history.deliveries.pop();
    assert!(last.is_some() && check(&history).len() == 1);
    history.deliveries.pop();
    assert_eq!(check(&history), []);
}

#[test]
fn duplicates_without_a_fault_are_not_allowed() {
    let mut history = sound();
    history.deliveries.push(delivery(1, 1, 3, 13));
    assert_eq!(duplicates(&history), [(1, 1, 0)]);
}

#[test]
fn a_lost_tenure_may_cost_one_batch_and_no_more() {
    let mut history = sound();
    history.faults = vec![Fault::LeasesLost { worker: id(1) }.into()];
    history.deliveries.extend([delivery(2, 2, 2, 12), delivery(2, 2, 3, 13)]);
    assert_eq!(check(&history), []);
    history.deliveries.push(delivery(2, 2, 1, 11));
    assert_eq!(duplicates(&history), [(1, 3, 2)]);
}

/// A loss is of the tenure that the worker had then: the last one that it had sent in, or the one behind that,
/// if it had not sent yet.
#[test]
fn a_loss_excuses_neither_what_was_long_before_nor_what_came_long_after() {
    let arrival = |worker, epoch, event| Entry::Delivery(delivery(worker, epoch, 1, event));
    let told = |lost_after: usize| {
        let mut history = History::new(2);
        history.push(Entry::Intent(intent(1, 1, &[11], Outcome::Committed)));
        // In four tenures of one worker, so that three of them failed to record it.
        for epoch in 1..=4 {
            if lost_after + 1 == usize::try_from(epoch).expect("positive") {
                history.push(Entry::Fault(Fault::LeasesLost { worker: id(1) }));
            }
            history.push(arrival(1, epoch, 11));
        }
        duplicates(&history).into_iter().map(|(epoch, ..)| epoch).collect::<Vec<_>>()
    };
    assert_eq!(told(0), [2, 3], "the first is excused");
    assert_eq!(told(1), [3], "the first, or the second");
    assert_eq!(told(2), [1], "the second, or the third");
    assert_eq!(told(3), [1, 2], "the third");
}

#[test]
fn the_loss_of_one_worker_excuses_no_other() {
    let mut history = sound();
    history.faults = vec![Fault::LeasesLost { worker: id(2) }.into()];
    history.deliveries.push(delivery(2, 2, 3, 13));
    assert_eq!(duplicates(&history), [(1, 1, 0)]);
}

#[test]
fn each_of_two_lost_tenures_answers_for_its_own_duplicates() {
    let mut history = sound();
    history.faults = [1, 2].map(|n| Fault::LeasesLost { worker: id(n) }.into()).to_vec();
    history.deliveries.extend([delivery(2, 2, 2, 12), delivery(2, 2, 3, 13)]);
    history.deliveries.extend([delivery(3, 3, 2, 12), delivery(3, 3, 3, 13)]);
    assert_eq!(check(&history), []);
}

#[test]
fn a_late_message_of_a_fenced_worker_is_charged_to_it() {
    let mut history = sound();
    history.deliveries[2].epoch = 2;
    history.deliveries[2].worker = id(2);
    history.deliveries.push(delivery(1, 1, 3, 13));
    assert_eq!(duplicates(&history), [(1, 1, 0)]);
    history.faults = vec![Fault::LeasesLost { worker: id(1) }.into()];
    assert_eq!(check(&history), []);
}

#[test]
fn an_ambiguous_send_may_cost_its_messages_and_no_more() {
    let mut history = sound();
    history.faults =
        vec![Fault::AmbiguousSend { worker: id(1), lane: 5, epoch: 1, messages: 1 }.into()];
    history.deliveries.push(delivery(1, 1, 3, 13));
    assert_eq!(check(&history), []);
    history.deliveries.push(delivery(1, 1, 3, 13));
    assert_eq!(duplicates(&history), [(1, 2, 1)]);
}

#[test]
fn two_workers_under_one_epoch_are_found() {
    let mut history = sound();
    history.deliveries[2].worker = id(2);
    assert_eq!(check(&history), [Violation::TwoOwners { lane: 5, epoch: 1 }]);
}

#[test]
fn a_gap_in_the_numbers_is_found_once() {
    let mut history = sound();
    history.deliveries[1].sequence = 3;
    history.deliveries[2].sequence = 4;
    let (event, lane) = (id(12), 5);
    let gap = Violation::Misnumbered { event, lane, sequence: 3, expected: Some(2) };
    assert_eq!(check(&history), [gap]);
}

#[test]
fn an_event_whose_number_changes_is_found() {
    let mut history = sound();
    history.faults = vec![Fault::LeasesLost { worker: id(1) }.into()];
    history.deliveries.push(delivery(2, 2, 4, 13));
    let (event, lane) = (id(13), 5);
    let other = Violation::Misnumbered { event, lane, sequence: 4, expected: Some(3) };
    assert_eq!(check(&history), [other]);
}

/// Event 12 was set aside and came later, under a number of the side track.
#[test]
fn a_number_that_two_events_share_is_found_where_numbers_may_be_left_out() {
    let mut history = sound();
    history.has_gaps = true;
    history.intents[1].events.truncate(1);
    history.deliveries = vec![delivery(1, 1, 1, 11), delivery(1, 1, 7, 12)];
    assert_eq!(check(&history), []);
    history.deliveries[1].sequence = 1;
    let (event, lane, sequence, expected) = (id(12), 5, 1, None);
    assert_eq!(check(&history), [Violation::Misnumbered { event, lane, sequence, expected }]);
}

#[test]
fn an_event_that_comes_by_two_lanes_is_found() {
    let mut history = sound();
    history.faults = vec![Fault::LeasesLost { worker: id(1) }.into()];
    history.deliveries.push(Delivery { lane: 6, ..delivery(1, 1, 3, 13) });
    let found = check(&history);
    assert!(found.iter().any(|v| matches!(v, Violation::Misnumbered { expected: None, .. })));
}

#[test]
fn two_commits_of_one_version_are_a_lost_update() {
    let mut history = sound();
    history.intents[1].version = 1;
    assert_eq!(check(&history), [Violation::LostUpdate { aggregate: id(1), version: 1 }]);
}

#[test]
fn what_is_known_in_the_end_replaces_what_was_unknown_at_first() {
    let mut history = sound();
    history.intents.insert(0, intent(1, 1, &[11], Outcome::Unknown));
    history.intents.push(intent(2, 1, &[21], Outcome::Unknown));
    history.intents.push(intent(2, 1, &[21], Outcome::RolledBack));
    assert_eq!(check(&history), []);
}

#[test]
fn a_history_reads_back_from_its_lines_and_passes_over_a_torn_last_one() {
    let mut history = sound();
    for fault in [
        Fault::LeasesLost { worker: id(9) },
        Fault::AmbiguousSend { worker: id(9), lane: 5, epoch: 7, messages: 3 },
    ] {
        history.push(Entry::Fault(fault));
    }
    let intents = history.intents.iter().cloned().map(Entry::Intent);
    let deliveries = history.deliveries.iter().cloned().map(Entry::Delivery);
    let faults = history.faults.iter().map(|happened| Entry::Fault(happened.fault));
    let lines = intents
        .chain(deliveries)
        .chain(faults)
        .map(|entry| serde_json::to_string(&entry).expect("an entry serializes to JSON") + "\n");
    let text = lines.collect::<String>() + r#"{"delivery":{"work"#;
    let mut read = History::new(2);
    read.read(text.as_bytes()).expect("the lines are entries");
    assert_eq!(read, history);
}

/// As the next process that appends to the file finds it.
#[test]
fn a_torn_line_in_front_of_a_whole_one_costs_only_itself() {
    let line = |entry: &Entry| serde_json::to_string(entry).expect("an entry serializes to JSON");
    let entries = [
        Entry::Delivery(delivery(1, 1, 1, 11)),
        Entry::Intent(intent(1, 1, &[11], Outcome::Committed)),
        Entry::Fault(Fault::LeasesLost { worker: id(1) }),
    ];
    for (torn, whole) in entries.iter().flat_map(|torn| entries.iter().map(move |w| (torn, w))) {
        let torn = line(torn);
        for length in 1..torn.len() {
            let glued = format!("{}{}", &torn[..length], line(whole));
            let read = crate::parse_line::<Entry>(&glued);
            assert_eq!(read.expect("there is a whole one"), *whole, "{glued}");
        }
        assert!(crate::parse_line::<Entry>(&torn[..torn.len() - 1]).is_err());
    }
}

#[test]
fn a_line_that_is_no_entry_is_named() {
    let error = History::new(1).read("{\"fault\":1}\n".as_bytes()).expect_err("no entry");
    assert!(error.to_string().starts_with("line 1: "), "{error}");
}

/// Tenure 1 sent and lost its lease, what tenure 2 sent is still under way when tenure 3 sends it all.
#[test]
fn what_arrives_late_is_charged_to_the_tenure_that_sent_it() {
    let mut history = sound();
    history.deliveries.extend([delivery(3, 3, 2, 12), delivery(3, 3, 3, 13)]);
    history.deliveries.extend([delivery(2, 2, 2, 12), delivery(2, 2, 3, 13)]);
    history.faults.push(Fault::LeasesLost { worker: id(1) }.into());
    assert_eq!(duplicates(&history), [(2, 2, 0)]);
    let (worker, lane, epoch, messages) = (id(2), 5, 2, 2);
    history.faults.push(Fault::AmbiguousSend { worker, lane, epoch, messages }.into());
    assert_eq!(check(&history), []);
}
