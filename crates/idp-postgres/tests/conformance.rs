//! The contract suites, on a real server.

mod harness;

use harness::PgHarness;

idp_conformance::unit_of_work!(PgHarness::start());
idp_conformance::repository!(PgHarness::start());
idp_conformance::outbox!(PgHarness::start());
idp_conformance::projection!(PgHarness::start());
idp_conformance::deliveries!(PgHarness::start());
idp_conformance::tenants!(PgHarness::start());
idp_conformance::log_keeping!(PgHarness::start());
idp_conformance::log_lag!(PgHarness::start());
