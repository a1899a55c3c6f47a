//! The SQLite store keeps every contract, in memory, where reads and writes share a connection.

mod harness;

use harness::MemoryHarness;

idp_conformance::unit_of_work!(MemoryHarness::start());
