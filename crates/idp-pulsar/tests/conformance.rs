//! The suite of buses, on a real broker.

mod support;

use support::harness::PulsarHarness;

mod one_partition {
    use super::PulsarHarness;
    idp_conformance::event_bus!(PulsarHarness::start(0));
}

/// What has one key stays in order; the partitions together have no order.
mod three_partitions {
    use super::PulsarHarness;
    idp_conformance::event_bus!(PulsarHarness::start(3));
}
