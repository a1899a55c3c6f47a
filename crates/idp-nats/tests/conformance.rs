//! The contract of buses, held against a real server in both modes.

mod harness;

mod window {
    use crate::harness::Nats;
    use idp_nats::Deduplication;

    idp_conformance::event_bus!(Nats::start(Deduplication::Window));
}

mod strict {
    use crate::harness::Nats;
    use idp_nats::Deduplication;

    idp_conformance::event_bus!(Nats::start(Deduplication::Strict));
}
