//! The SQLite store keeps every contract, on a file.

mod harness;

use harness::FileHarness;

idp_conformance::unit_of_work!(FileHarness::start());
idp_conformance::repository!(FileHarness::start());
idp_conformance::outbox!(FileHarness::start());
idp_conformance::projection!(FileHarness::start());
idp_conformance::deliveries!(FileHarness::start());
idp_conformance::tenants!(FileHarness::start());
idp_conformance::log_keeping!(FileHarness::start());
idp_conformance::log_lag!(FileHarness::start());
