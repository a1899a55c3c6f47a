//! The contract suites, on a real server.

mod harness;

use harness::PgHarness;

idp_conformance::unit_of_work!(PgHarness::start());
