//! The contract of buses, on a real broker.

mod harness;

use harness::KafkaHarness;

idp_conformance::event_bus!(KafkaHarness::transactional());

mod idempotent {
    use super::harness::KafkaHarness;

    idp_conformance::event_bus!(KafkaHarness::idempotent());
}
