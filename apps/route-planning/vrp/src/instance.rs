//! A vehicle routing instance: one depot, the customers, and what bounds the routes between them.

use crate::distance::{Distances, Place};
use crate::line::Source;
use crate::parse_error::ParseError;
use crate::tenths::Tenths;
use crate::{solomon, tsplib};
use std::collections::HashMap;

/// The most nodes that a file may have, the depot among them. Larger sets exist nowhere in CVRPLIB.
pub(crate) const NODES_MAX: u32 = 100_000;

/// A checked instance. Every demand fits a vehicle, and no two customers share a number.
#[derive(Clone, Debug)]
pub struct Instance {
    name: String,
    kind: Kind,
    capacity: u32,
    vehicles: Option<u32>,
    depot: Depot,
    customers: Vec<Customer>,
    positions: HashMap<u32, usize>,
    distances: Distances,
}

/// What bounds a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Capacity alone (CVRP).
    Capacitated,
    /// Capacity and time windows (VRPTW).
    TimeWindows,
}

/// Where every route starts and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Depot {
    /// The number of the depot in its file.
    pub node: u32,
    /// Where it lies.
    pub at: Point,
    /// When vehicles may leave (`ready`) and must be back (`due`); only with [`Kind::TimeWindows`].
    pub window: Option<TimeWindow>,
}

/// Someone to be visited exactly once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Customer {
    /// The number that solutions use: with VRPLIB counted from 1 in the order of the nodes, leaving
    /// out the depot, with Solomon as it stands in the file.
    pub number: u32,
    /// The number of the customer's node in the file of the instance.
    pub node: u32,
    /// Where the customer is. Where travel weights are given as a matrix, this is for maps only.
    pub at: Point,
    /// What to load, in the unit of the capacity. Zero is a visit without a load.
    pub demand: u32,
    /// When service may begin; only with [`Kind::TimeWindows`].
    pub window: Option<TimeWindow>,
}

/// A point of the plane, in the unit of the file; finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
}

/// When service may begin and how long it takes, in the unit of the distances (Solomon 1987: speed
/// is 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// Service cannot begin earlier; a vehicle that arrives earlier waits.
    pub ready: Tenths,
    /// A vehicle must not arrive later; never before `ready`.
    pub due: Tenths,
    /// How long service takes. It may end after `due`.
    pub service: Tenths,
}

impl Instance {
    /// Reads an instance in VRPLIB or in Solomon's format, whichever the text turns out to be.
    ///
    /// `file` is only for messages. Fails at the first thing that is missing, contradictory, out of
    /// bounds or of an unsupported kind, and says on which line.
    pub fn parse(file: &str, text: &str) -> Result<Instance, ParseError> {
        let source = Source::new(file, text);
        for line in source.lines() {
            if tsplib::begins(line) {
                return tsplib::parse(source);
            }
            if solomon::begins(line) {
                return solomon::parse(source);
            }
        }
        Err(source.end().error(
            "expected a VRPLIB file (NAME, TYPE, DIMENSION, ...) or a Solomon file (VEHICLE, CUSTOMER), found neither",
        ))
    }

    /// The name that the file gives the instance.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What bounds its routes.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What one vehicle can load, at least 1; all vehicles are alike.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// How many vehicles there are, and so how many routes there can be. `None` where the file sets
    /// no limit.
    pub fn vehicles(&self) -> Option<u32> {
        self.vehicles
    }

    /// Where every route starts and ends.
    pub fn depot(&self) -> Depot {
        self.depot
    }

    /// The customers, at least one, in the order of the file.
    pub fn customers(&self) -> &[Customer] {
        &self.customers
    }

    /// The customer with this number, if there is one.
    pub fn find(&self, number: u32) -> Option<&Customer> {
        self.positions.get(&number).and_then(|position| self.customers.get(*position))
    }

    /// What the parsers found, after they have checked it.
    pub(crate) fn checked(parts: Parts) -> Self {
        let Parts { name, kind, capacity, vehicles, depot, customers, distances } = parts;
        let positions = customers.iter().map(|customer| customer.number).zip(0..).collect();
        Instance { name, kind, capacity, vehicles, depot, customers, positions, distances }
    }

    /// The way between two places of this instance.
    pub(crate) fn distance(&self, from: Place, to: Place) -> Tenths {
        self.distances.between(from, to)
    }
}

/// The parts of an instance, by name.
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) capacity: u32,
    pub(crate) vehicles: Option<u32>,
    pub(crate) depot: Depot,
    pub(crate) customers: Vec<Customer>,
    pub(crate) distances: Distances,
}

impl Depot {
    pub(crate) fn place(&self) -> Place {
        Place { node: self.node, at: self.at }
    }
}

impl Customer {
    pub(crate) fn place(&self) -> Place {
        Place { node: self.node, at: self.at }
    }
}

impl TimeWindow {
    /// The window of a place that has none.
    pub(crate) const ALWAYS: TimeWindow =
        TimeWindow { ready: Tenths::ZERO, due: Tenths::MAX, service: Tenths::ZERO };

    /// When a vehicle leaves that arrives at `arrival`.
    pub(crate) fn leave(self, arrival: Tenths) -> Tenths {
        arrival.max(self.ready) + self.service
    }
}
