//! Families of metrics whose labels are pairs of texts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;

/// The labels of one series, in the order in which they are written.
pub(crate) type Labels = Vec<(&'static str, String)>;

pub(crate) type Counters = Family<Labels, Counter>;
pub(crate) type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;
pub(crate) type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// The boundaries that OpenTelemetry's conventions for messaging advise, in seconds.
const MESSAGING: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// For what is done in one database, in seconds.
const DATABASE: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// A new family of counters, under the name without `_total`.
pub(crate) fn counters(registry: &mut Registry, name: &str, help: &str) -> Counters {
    let family = Counters::default();
    registry.register(name, help, family.clone());
    family
}

/// A new family of gauges.
pub(crate) fn gauges(registry: &mut Registry, name: &str, help: &str) -> Gauges {
    let family = Gauges::default();
    registry.register(name, help, family.clone());
    family
}

/// A new family of gauges of seconds, under the name without `_seconds`.
pub(crate) fn second_gauges(registry: &mut Registry, name: &str, help: &str) -> Gauges {
    let family = Gauges::default();
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

/// A new family of histograms of the seconds that sending takes, under the name without `_seconds`.
pub(crate) fn messaging_histograms(registry: &mut Registry, name: &str, help: &str) -> Histograms {
    histograms(registry, name, help, || Histogram::new(MESSAGING))
}

/// The same of the seconds that something in a database takes.
pub(crate) fn database_histograms(registry: &mut Registry, name: &str, help: &str) -> Histograms {
    histograms(registry, name, help, || Histogram::new(DATABASE))
}

fn histograms(
    registry: &mut Registry,
    name: &str,
    help: &str,
    make: fn() -> Histogram,
) -> Histograms {
    let family = Histograms::new_with_constructor(make);
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}
