//! What a bus finds out when it connects, not when the first message is lost.

mod harness;

use harness::{KafkaHarness, within};
use idp_application::ErrorKind;
use idp_kafka::{KafkaBus, KafkaConfig};

/// What connecting says of a topic of positions that somebody made so.
async fn refused(partitions: i32, policy: &str) -> (ErrorKind, String) {
    let harness = KafkaHarness::transactional().await;
    let topic = harness.topic_with("own", partitions, &[("cleanup.policy", policy)]).await;
    let config = KafkaConfig { positions_topic: topic.to_string(), ..harness.config.clone() };
    let error = within(KafkaBus::connect(config)).await.err().expect("it will not do");
    (error.kind(), error.message().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_forgets_positions_is_refused() {
    for policy in ["delete", "compact,delete"] {
        let (kind, message) = refused(16, policy).await;
        assert_eq!(kind, ErrorKind::Invalid);
        assert!(message.contains("must have cleanup.policy=compact, got Some("), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_with_the_topic_is_said_at_once() {
    let (kind, message) = refused(4, "delete").await;
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(message.contains("must have 16 partitions, it has 4; must have"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_positions_that_somebody_made_well_is_taken() {
    let harness = KafkaHarness::transactional().await;
    let topic = harness.topic_with("own", 20, &[("cleanup.policy", "compact")]).await;
    let config = KafkaConfig { positions_topic: topic.to_string(), ..harness.config.clone() };
    assert!(within(KafkaBus::connect(config)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_do_not_answer_are_unavailable() {
    let harness = KafkaHarness::transactional().await;
    harness.proxy.cut().await;
    let error = within(KafkaBus::connect(harness.config.clone())).await.err();
    assert_eq!(error.expect("nobody answers").kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_makes_no_sense_is_refused_before_anything_is_sent() {
    let mut config = KafkaConfig::new("127.0.0.1:1", "orders-");
    config.properties.insert("security.protocol".into(), "hush".into());
    let error = within(KafkaBus::connect(config)).await.err().expect("no such protocol");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let text = error.to_string();
    assert!(!text.contains("hush") && text.contains("security.protocol"), "{text}");
}
