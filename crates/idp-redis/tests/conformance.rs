//! The contract of buses, held against a real server.

mod harness;

use harness::Redis;

idp_conformance::event_bus!(Redis::start());

/// With a server that a test can fill.
mod full {
    use super::harness::Redis;

    idp_conformance::event_bus_pressure!(Redis::alone());
}
