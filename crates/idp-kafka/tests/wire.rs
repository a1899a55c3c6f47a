//! The record, read by a plain client: the Kafka binding of CloudEvents 1.0 in binary mode.

mod harness;

use harness::{KafkaHarness, Letters};
use idp_application::EventBus;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_has_attributes_as_headers_and_the_partition_key_as_key() {
    let harness = KafkaHarness::transactional().await;
    let topic = harness.topic_with("letters", 1, &[]).await;
    let letters = Letters::of_lane(&topic, 2).under(9);
    let bus = harness.connect().await;
    bus.publish(&letters.messages(41..=41)).await.expect("published");
    let records = harness.broker.records(&topic).await;
    let [record] = records.as_slice() else { panic!("one record: {records:?}") };
    assert_eq!(record.key, b"acme/00000000-0000-0000-0000-000000000007");
    assert_eq!(record.data, br#"{"number":41}"#);
    let expected = [
        ("content-type", "application/json"),
        ("ce_specversion", "1.0"),
        ("ce_id", "00000000-0000-0000-0000-000000000029"),
        ("ce_source", "/letters"),
        ("ce_type", "letter.sent"),
        ("ce_time", "2023-11-14T22:13:20.000001Z"),
        ("ce_tenantid", "acme"),
        ("ce_partitionkey", "acme/00000000-0000-0000-0000-000000000007"),
        ("ce_sequence", "0000000000000000041"),
        ("ce_stream", "letters/2"),
        ("ce_epoch", "9"),
        ("ce_actor", "ann"),
    ];
    for (name, value) in expected {
        assert_eq!(record.headers.get(name).map(String::as_str), Some(value), "{name}");
    }
    let foreign = |name: &&String| !name.starts_with("ce_") && *name != "content-type";
    assert_eq!(record.headers.keys().find(foreign), None);
    assert!(!record.headers.contains_key("ce_datacontenttype"), "content-type says it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_names_its_kind_of_broker_for_metrics_and_traces() {
    assert_eq!(KafkaHarness::transactional().await.connect().await.system(), "kafka");
}
