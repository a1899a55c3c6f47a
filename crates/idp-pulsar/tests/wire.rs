//! A message as the broker itself takes it apart, for operators and clients in other languages.

mod support;

use idp_application::EventBus;
use std::collections::BTreeMap;
use support::harness::PulsarHarness;
use support::{Sender, bounded};

#[tokio::test]
async fn the_broker_shows_properties_key_times_and_number() {
    bounded(async {
        let harness = PulsarHarness::start(0).await;
        let topic = harness.admin().topic(harness.namespace(), "orders", 0).await;
        let bus = harness.connect(harness.config()).await;
        let message = Sender::of_lane(&topic, 7).message(42, 1_000);
        bus.publish(std::slice::from_ref(&message)).await.expect("stored");

        let answer = harness.admin().examine(&topic, 1).await;
        let header = |name: &str| answer.headers[&format!("x-pulsar-{name}")].as_str();
        assert_eq!(answer.body, message.event.data);
        assert_eq!(header("producer-name"), "shop/orders/7");
        assert_eq!(header("sequence-id"), "1000");
        assert_eq!(header("partition-key"), message.event.partition_key());
        assert!(header("event-time").starts_with("2023-11-14T22:13:20"));
        let year: u32 = header("publish-time")[..4].parse().expect("a year");
        assert!(year > 2023, "the time of sending, not of the event");

        let properties: BTreeMap<String, String> =
            serde_json::from_str(header("property")).expect("JSON");
        let attributes = message.attributes().into_iter();
        let mut expected: BTreeMap<_, _> =
            attributes.map(|(name, value)| (format!("ce_{name}"), value)).collect();
        expected.insert("content-type".to_owned(), "application/json".to_owned());
        assert_eq!(properties, expected);
        assert_eq!(properties["ce_sequence"], "0000000000000001000");
    })
    .await;
}
