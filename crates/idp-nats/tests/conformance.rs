//! The contract of buses, held against a real server in each mode.

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

mod marked {
    use crate::harness::Nats;

    idp_conformance::event_bus!(Nats::marked());
}

/// With streams that take no more when they are full.
mod full {
    mod window {
        use crate::harness::Nats;
        use idp_nats::Deduplication;

        idp_conformance::event_bus_pressure!(Nats::with_bound(Deduplication::Window));
    }

    mod strict {
        use crate::harness::Nats;
        use idp_nats::Deduplication;

        idp_conformance::event_bus_pressure!(Nats::with_bound(Deduplication::Strict));
    }
}
