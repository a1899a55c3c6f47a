//! What operators do, and what is kept of it.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, key, labels, number_of, refused, store_time};
use idp_application::{AsideReason, DeadLetterAction, DeadLetterRecord, DeliveryKey};
use idp_domain::{ContentHasher, EventRecord};

clauses! {
    macro deliveries_commands of deliveries::commands;
    every_command_leaves_a_record,
    records_come_the_latest_first,
    parked_keys_are_listed_page_by_page,
    a_discarded_event_is_never_sent,
    after_the_last_event_is_discarded_the_key_is_free,
    a_discarded_key_is_never_sent_and_later_events_are,
    an_edited_event_is_sent_as_it_was_edited,
    an_edited_event_says_that_it_was_edited,
    an_edit_leaves_the_key_parked,
    a_resumed_key_can_be_edited_and_discarded_where_it_is_not_being_sent,
}

fn behind() -> AsideReason {
    AsideReason::Behind
}

/// The first counter parked with three events, of which the first was refused.
async fn three_parked<H: Harness>(harness: &H) -> Courier {
    let store = harness.backend();
    count(&store, &[1, 1, 1, 2]).await;
    let mut courier = Courier::start(&store).await;
    let reasons = [("1:1", refused("no")), ("1:2", behind()), ("1:3", behind())];
    courier.set_aside(4, &reasons).await;
    courier
}

async fn records(courier: &Courier, limit: u32) -> Vec<DeadLetterRecord> {
    let records = courier.store.records(&courier.reader().name, limit).await;
    records.expect("the records can be read")
}

fn owned(labels: &[&str]) -> Vec<(String, bool)> {
    labels.iter().map(|label| ((*label).to_owned(), false)).collect()
}

/// Who, what, which events, why, and what was there before.
pub async fn every_command_leaves_a_record<H: Harness>(harness: H) {
    let courier = three_parked(&harness).await;
    let mut ids = Vec::new();
    for label in ["1:1", "1:2", "1:3"] {
        ids.push(courier.event(1, label).await);
    }
    let actions = [
        DeadLetterAction::Edit { event: ids[1], payload: r#"{"to":20}"#.into() },
        DeadLetterAction::Discard { event: ids[0] },
        DeadLetterAction::Resume,
        DeadLetterAction::DiscardKey,
    ];
    let before = store_time(&courier.store).await;
    for action in actions {
        courier.command(1, action).await.expect("it can be done");
    }
    let after = store_time(&courier.store).await;
    let mut records = records(&courier, 10).await;
    records.reverse();
    let expected = [
        ("edit", vec![ids[1]], Some(r#"{"to":2}"#)),
        ("discard", vec![ids[0]], Some(r#"{"to":1}"#)),
        ("resume", ids[1..].to_vec(), None),
        ("discard_key", ids[1..].to_vec(), None),
    ];
    assert_eq!(records.len(), expected.len());
    for (record, (action, events, payload_before)) in records.into_iter().zip(expected) {
        assert!((before..=after).contains(&record.at), "{} is not now", record.at);
        let expected = DeadLetterRecord {
            at: record.at,
            actor: "ann".into(),
            action: action.into(),
            key: key("acme", 1),
            events,
            reason: format!("because of {action}"),
            payload_before: payload_before.map(str::to_owned),
        };
        assert_eq!(record, expected);
    }
}

/// As many as are asked for.
pub async fn records_come_the_latest_first<H: Harness>(harness: H) {
    let courier = three_parked(&harness).await;
    for label in ["1:2", "1:3", "1:1"] {
        let event = courier.event(1, label).await;
        let discarded = courier.command(1, DeadLetterAction::Discard { event }).await;
        discarded.expect("it is parked");
    }
    let payloads = async |limit| {
        let records = records(&courier, limit).await.into_iter();
        records.map(|record| record.payload_before.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(payloads(10).await, [r#"{"to":1}"#, r#"{"to":3}"#, r#"{"to":2}"#]);
    assert_eq!(payloads(2).await, [r#"{"to":1}"#, r#"{"to":3}"#]);
    assert_eq!(payloads(0).await, [""; 0]);
}

/// By tenant and aggregate.
pub async fn parked_keys_are_listed_page_by_page<H: Harness>(harness: H) {
    let store = harness.backend();
    let numbers = [9, 2, 300, 7, 1];
    count(&store, &numbers).await;
    crate::courier::count_for(&store, "ac-z", &numbers).await;
    let mut courier = Courier::of_all_lanes(&store).await;
    let records = courier.sort(10, |_| Some(refused("no"))).await;
    courier.record(&records).await;
    let sorted = [1, 2, 7, 9, 300];
    let all: Vec<DeliveryKey> = ["ac-z", "acme"]
        .iter()
        .flat_map(|tenant| sorted.map(|number| key(tenant, number)))
        .collect();
    let mut listed: Vec<DeliveryKey> = Vec::new();
    loop {
        let page = store.parked(&courier.reader().name, None, listed.last(), 3).await;
        let page = page.expect("the parked keys can be listed");
        assert!(page.len() <= 3 && listed.len() <= all.len(), "no end: {listed:?}");
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|parked| parked.key));
    }
    assert_eq!(listed, all);
    let behind_a_key_that_is_not_there = key("acme", 8);
    let rest =
        store.parked(&courier.reader().name, None, Some(&behind_a_key_that_is_not_there), 10);
    let rest = rest.await.expect("the parked keys can be listed");
    let rest: Vec<_> = rest.iter().map(|parked| number_of(&parked.key)).collect();
    assert_eq!(rest, [9, 300]);
}

/// The next one stands first, and nothing is sent before it is resumed.
pub async fn a_discarded_event_is_never_sent<H: Harness>(harness: H) {
    let courier = three_parked(&harness).await;
    let before = courier.the_parked().await;
    let event = courier.event(1, "1:1").await;
    courier.command(1, DeadLetterAction::Discard { event }).await.expect("it is parked");
    let after = courier.the_parked().await;
    assert_eq!((after.is_parked, after.events, after.attempts), (true, 2, before.attempts));
    assert!(after.revision > before.revision);
    assert_eq!(courier.events(1).await, owned(&["1:2", "1:3"]));
    assert_eq!(courier.due(10).await, Default::default());
    courier.resume(1).await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:2"), (2, "1:3")]));
}

/// As if all had been sent.
pub async fn after_the_last_event_is_discarded_the_key_is_free<H: Harness>(harness: H) {
    let courier = three_parked(&harness).await;
    for label in ["1:3", "1:1", "1:2"] {
        assert_eq!(courier.parked().await.len(), 1);
        let event = courier.event(1, label).await;
        let discarded = courier.command(1, DeadLetterAction::Discard { event }).await;
        discarded.expect("it is parked");
    }
    assert_eq!(courier.parked().await, []);
    assert_eq!(courier.blocked().await, []);
    assert_eq!(courier.due(10).await, Default::default());
}

/// Whatever of it is parked then.
pub async fn a_discarded_key_is_never_sent_and_later_events_are<H: Harness>(harness: H) {
    let mut courier = three_parked(&harness).await;
    courier.command(1, DeadLetterAction::DiscardKey).await.expect("it is parked");
    assert_eq!(courier.parked().await, []);
    assert_eq!(courier.blocked().await, []);
    assert_eq!(courier.events(1).await, []);
    assert_eq!(courier.due(10).await, Default::default());
    count(&courier.store.clone(), &[1]).await;
    courier.set_aside(1, &[("1:4", behind())]).await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:4")]));
}

/// Under the same identity.
pub async fn an_edited_event_is_sent_as_it_was_edited<H: Harness>(harness: H) {
    let courier = three_parked(&harness).await;
    let event = courier.event(1, "1:2").await;
    let payload = r#"{ "to": 2.50, "by": ["näh 😀", null] }"#.to_owned();
    courier.command(1, DeadLetterAction::Edit { event, payload }).await.expect("it is parked");
    courier.resume(1).await;
    let due = courier.due(10).await;
    let sent: Vec<_> =
        due.batches[0].entries.iter().map(|entry| entry.envelope.payload.as_str()).collect();
    assert_eq!(sent, [r#"{"to":1}"#, r#"{"by":["näh 😀",null],"to":2.5}"#, r#"{"to":3}"#]);
    assert_eq!(due.batches[0].entries[1].envelope.event_id, event);
}

/// It is not what was committed, and nobody can take it for that.
pub async fn an_edited_event_says_that_it_was_edited<H: Harness>(harness: H) {
    let courier = three_parked(&harness).await;
    let event = courier.event(1, "1:1").await;
    let (reader, key) = (courier.reader().name.clone(), key("acme", 1));
    let before = courier.store.events(&reader, &key).await.expect("listed").remove(0);
    assert!(!before.is_edited);
    for payload in ["1", "2"] {
        let payload = payload.to_owned();
        courier.command(1, DeadLetterAction::Edit { event, payload }).await.expect("parked");
    }
    let events = courier.store.events(&reader, &key).await.expect("listed");
    let edited: Vec<_> = events.iter().map(|event| event.is_edited).collect();
    assert_eq!(edited, [true, false, false]);
    let after = events[0].envelope.clone();
    assert!(after.is_intact(&ContentHasher::Plain));
    let committed = before.envelope.content_hash().to_string();
    let mut expected = before.envelope.into_record();
    expected.payload = "2".into();
    expected.metadata.insert(EventRecord::EDITED_FROM.into(), committed);
    assert_eq!(after.into_record(), expected);
}

/// Whoever edited it resumes it.
pub async fn an_edit_leaves_the_key_parked<H: Harness>(harness: H) {
    let courier = three_parked(&harness).await;
    let before = courier.the_parked().await;
    let event = courier.event(1, "1:1").await;
    let payload = "{}".to_owned();
    courier.command(1, DeadLetterAction::Edit { event, payload }).await.expect("it is parked");
    let after = courier.the_parked().await;
    assert!(after.revision > before.revision);
    let before = idp_application::ParkedKey { revision: after.revision, ..before };
    assert_eq!(after, before);
    assert_eq!(courier.due(10).await, Default::default());
}

/// What has a number may be at the bus.
pub async fn a_resumed_key_can_be_edited_and_discarded_where_it_is_not_being_sent<H: Harness>(
    harness: H,
) {
    let courier = three_parked(&harness).await;
    courier.resume(1).await;
    assert_eq!(courier.due(1).await.batches[0].entries.len(), 1);
    let event = courier.event(1, "1:2").await;
    let payload = "20".to_owned();
    courier.command(1, DeadLetterAction::Edit { event, payload }).await.expect("not sent yet");
    let event = courier.event(1, "1:3").await;
    courier.command(1, DeadLetterAction::Discard { event }).await.expect("not sent yet");
    let due = courier.due(10).await;
    let sent: Vec<_> =
        due.batches[0].entries.iter().map(|entry| entry.envelope.payload.as_str()).collect();
    assert_eq!(sent, [r#"{"to":1}"#, "20"]);
    assert_eq!(courier.settle(2, None).await, [1]);
}
