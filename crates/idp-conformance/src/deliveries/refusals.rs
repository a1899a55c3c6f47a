//! Commands that are refused: they change nothing and leave no record.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, command, count, key, refused};
use crate::fixture::refused as fails;
use idp_application::{AsideReason, DeadLetterAction, Error, ErrorKind, ParkedEvent, ParkedKey};
use idp_domain::Uuid;

clauses! {
    macro deliveries_refusals of deliveries::refusals;
    a_command_about_another_revision_is_a_conflict,
    a_command_about_a_key_that_is_not_parked_finds_nothing,
    a_command_about_an_event_that_the_key_has_not_finds_nothing,
    a_command_about_an_event_that_is_being_sent_is_a_conflict,
    a_key_that_is_resumed_cannot_be_resumed,
    a_payload_that_is_not_json_is_invalid,
    of_two_commands_about_one_revision_one_is_done,
}

/// A counter parked with two events.
async fn two_parked<H: Harness>(harness: &H) -> Courier {
    let store = harness.backend();
    count(&store, &[1, 1, 2]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(3, &[("1:1", refused("no")), ("1:2", AsideReason::Behind)]).await;
    courier
}

/// All that a command could change of the key.
async fn state(courier: &Courier) -> (Vec<ParkedKey>, Vec<ParkedEvent>, usize) {
    let (store, reader) = (&courier.store, &courier.reader().name);
    let events = store.events(reader, &key("acme", 1)).await.expect("listed");
    let records = store.records(reader, 100).await.expect("the records can be read");
    (courier.parked().await, events, records.len())
}

async fn every_action(courier: &Courier) -> [DeadLetterAction; 4] {
    let event = courier.event(1, "1:1").await;
    [
        DeadLetterAction::Resume,
        DeadLetterAction::Edit { event, payload: "{}".into() },
        DeadLetterAction::Discard { event },
        DeadLetterAction::DiscardKey,
    ]
}

/// Older or newer.
pub async fn a_command_about_another_revision_is_a_conflict<H: Harness>(harness: H) {
    let courier = two_parked(&harness).await;
    let before = state(&courier).await;
    let revision = courier.the_parked().await.revision;
    for action in every_action(&courier).await {
        for other in [revision - 1, revision + 1, 0, -1, i64::MAX] {
            let command = command(key("acme", 1), other, action.clone());
            let result = courier.store.command(&courier.reader().name, &command).await;
            fails(result, ErrorKind::Conflict);
        }
    }
    assert_eq!(state(&courier).await, before);
}

/// Nor one of another tenant, or of another reader.
pub async fn a_command_about_a_key_that_is_not_parked_finds_nothing<H: Harness>(harness: H) {
    let courier = two_parked(&harness).await;
    let before = state(&courier).await;
    let revision = courier.the_parked().await.revision;
    let elsewhere = [
        (courier.reader().name.as_str(), key("acme", 2)),
        (courier.reader().name.as_str(), key("globex", 1)),
        (courier.reader().name.as_str(), key("acme", 3)),
        ("another reader", key("acme", 1)),
    ];
    for action in every_action(&courier).await {
        for (reader, key) in &elsewhere {
            let command = command(key.clone(), revision, action.clone());
            fails(courier.store.command(reader, &command).await, ErrorKind::NotFound);
        }
    }
    assert_eq!(state(&courier).await, before);
}

/// An unknown one, or one that was discarded.
pub async fn a_command_about_an_event_that_the_key_has_not_finds_nothing<H: Harness>(harness: H) {
    let courier = two_parked(&harness).await;
    let gone = courier.event(1, "1:1").await;
    courier.command(1, DeadLetterAction::Discard { event: gone }).await.expect("it is parked");
    let before = state(&courier).await;
    for event in [gone, Uuid::nil(), crate::follower::new_uuid()] {
        let edit = DeadLetterAction::Edit { event, payload: "{}".into() };
        fails(courier.command(1, edit).await, ErrorKind::NotFound);
        let discard = DeadLetterAction::Discard { event };
        fails(courier.command(1, discard).await, ErrorKind::NotFound);
    }
    assert_eq!(state(&courier).await, before);
}

/// It may be at the bus already; so the key as a whole cannot be discarded either.
pub async fn a_command_about_an_event_that_is_being_sent_is_a_conflict<H: Harness>(harness: H) {
    let courier = two_parked(&harness).await;
    courier.resume(1).await;
    assert_eq!(courier.due(1).await.batches[0].entries.len(), 1);
    let before = state(&courier).await;
    for action in every_action(&courier).await {
        fails(courier.command(1, action).await, ErrorKind::Conflict);
    }
    assert_eq!(state(&courier).await, before);
    courier.settle(1, None).await;
    courier.command(1, DeadLetterAction::DiscardKey).await.expect("1:2 is not being sent");
}

/// It is being sent.
pub async fn a_key_that_is_resumed_cannot_be_resumed<H: Harness>(harness: H) {
    let courier = two_parked(&harness).await;
    courier.resume(1).await;
    let before = state(&courier).await;
    fails(courier.command(1, DeadLetterAction::Resume).await, ErrorKind::Conflict);
    assert_eq!(state(&courier).await, before);
}

/// Nor one that other languages would read as another.
pub async fn a_payload_that_is_not_json_is_invalid<H: Harness>(harness: H) {
    let courier = two_parked(&harness).await;
    let before = state(&courier).await;
    let event = courier.event(1, "1:1").await;
    for payload in ["", "{", "{}{}", "{'to':1}", "NaN", r#"{"to":9007199254740993}"#] {
        let payload = payload.to_owned();
        let edit = DeadLetterAction::Edit { event, payload };
        fails(courier.command(1, edit).await, ErrorKind::Invalid);
    }
    assert_eq!(state(&courier).await, before);
}

/// Whichever comes first; the others meet another revision.
pub async fn of_two_commands_about_one_revision_one_is_done<H: Harness>(harness: H) {
    let courier = two_parked(&harness).await;
    let event = courier.event(1, "1:2").await;
    for round in 1..=10 {
        let revision = courier.the_parked().await.revision;
        let tasks: Vec<_> = (0..8)
            .map(|number| {
                let payload = format!("{round}{number}");
                let edit = DeadLetterAction::Edit { event, payload };
                let command = command(key("acme", 1), revision, edit);
                let (store, reader) = (courier.store.clone(), courier.reader().name.clone());
                tokio::spawn(async move { store.command(&reader, &command).await })
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            match task.await.expect("no command panics") {
                Ok(()) => done += 1,
                result @ Err(_) => drop::<Error>(fails(result, ErrorKind::Conflict)),
            }
        }
        assert_eq!(done, 1);
        assert_eq!(state(&courier).await.2, round);
    }
}
