//! The contract of buses, held against both.

mod support;

mod exchanges {
    use super::support::queues::Queues;

    idp_conformance::event_bus!(Queues::start());
}

mod streams {
    use super::support::streams::Streams;

    idp_conformance::event_bus!(Streams::start());
}
