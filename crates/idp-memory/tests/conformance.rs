//! The memory store keeps every contract.

mod harness;

use harness::MemoryHarness;

idp_conformance::unit_of_work!(MemoryHarness::start());
idp_conformance::repository!(MemoryHarness::start());
idp_conformance::outbox!(MemoryHarness::start());
idp_conformance::projection!(MemoryHarness::start());
idp_conformance::deliveries!(MemoryHarness::start());
idp_conformance::tenants!(MemoryHarness::start());
idp_conformance::log_keeping!(MemoryHarness::start());
idp_conformance::log_lag!(MemoryHarness::start());
