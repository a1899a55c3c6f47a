//! The memory bus keeps the contract of buses, with all guarantees that there are and with none.

mod bus_harness;

use bus_harness::MemoryBusHarness;
use std::future::ready;

mod plain {
    use super::*;

    idp_conformance::event_bus!(ready(MemoryBusHarness::plain()));
}

mod strict {
    use super::*;

    idp_conformance::event_bus!(ready(MemoryBusHarness::strict()));
}
