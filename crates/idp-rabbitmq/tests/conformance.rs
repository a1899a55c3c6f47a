//! The contract of buses, held against each.

mod support;

mod exchanges {
    use super::support::queues::Queues;

    idp_conformance::event_bus!(Queues::start());
}

mod exchanges_with_a_window {
    use super::support::queues::Queues;

    idp_conformance::event_bus!(Queues::start_with_window());
}

mod streams {
    use super::support::streams::Streams;

    idp_conformance::event_bus!(Streams::start());
}
