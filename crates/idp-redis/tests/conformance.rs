//! The contract of buses, held against a real server.

mod harness;

use harness::Redis;

idp_conformance::event_bus!(Redis::start());
