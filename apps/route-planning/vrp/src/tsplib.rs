//! Reads VRPLIB files: the capacitated vehicle routing part of TSPLIB95, as CVRPLIB publishes it.
//!
//! The rules are those of G. Reinelt, *TSPLIB 95* (1995), sections 1 and 2. Where real files are
//! looser, so is the reader: no blank is needed before a colon, whole numbers may be written as
//! decimals, and `EOF` may be missing. Where a file asks for what would change the meaning of a
//! route (a limit on its length, several depots), it is refused instead of read in part.

mod document;
mod nodes;
mod weights;

use crate::instance::{Customer, Instance, Kind, NODES_MAX, Parts};
use crate::line::{Line, Source};
use crate::parse_error::ParseError;
use document::Document;

/// The keys that a file may begin with.
const KEYS: [&str; 7] =
    ["NAME", "TYPE", "COMMENT", "DIMENSION", "CAPACITY", "EDGE_WEIGHT_TYPE", "EDGE_WEIGHT_FORMAT"];

/// Whether a file with this line, and none before it that says otherwise, is a VRPLIB file.
pub(crate) fn begins(line: Line<'_>) -> bool {
    document::section(line).is_some()
        || document::key(line).is_some_and(|(key, _)| KEYS.contains(&key))
}

/// Reads a VRPLIB file of type CVRP with one depot.
pub(crate) fn parse(source: Source<'_>) -> Result<Instance, ParseError> {
    let document = Document::read(source)?;
    check_problem(&document)?;
    let (line, dimension) = document.get("DIMENSION")?;
    let dimension = line.whole(dimension, "a DIMENSION", 2..=NODES_MAX)?;
    let (line, capacity) = document.get("CAPACITY")?;
    let capacity = line.whole(capacity, "a CAPACITY", 1..=u32::MAX)?;
    let vehicles = document.find("VEHICLES");
    let vehicles = vehicles
        .map(|(line, vehicles)| line.whole(vehicles, "a number of VEHICLES", 1..=u32::MAX))
        .transpose()?;

    let distances = weights::distances(&document, dimension)?;
    let points = nodes::points(&document, dimension)?;
    let demands = nodes::demands(&document, dimension, capacity)?;
    let depot = nodes::depot(&document, &points, &demands)?;

    let nodes = (1..).zip(points).zip(demands).filter(|((node, _), _)| *node != depot.node);
    let customers = (1..).zip(nodes).map(|(number, ((node, at), (_, demand)))| Customer {
        number,
        node,
        at,
        demand,
        window: None,
    });
    let customers = customers.collect();
    let name = document.get("NAME")?.1.to_owned();
    let kind = Kind::Capacitated;
    Ok(Instance::checked(Parts { name, kind, capacity, vehicles, depot, customers, distances }))
}

/// Refuses other problems than CVRP, and CVRP with a limit on the length of a route.
fn check_problem(document: &Document<'_>) -> Result<(), ParseError> {
    let (line, problem) = document.get("TYPE")?;
    if problem != "CVRP" {
        return Err(line.expected("TYPE CVRP", problem));
    }
    match document.find("DISTANCE") {
        Some((line, _)) => {
            Err(line.error("expected no DISTANCE: limits on the length of a route are unsupported"))
        }
        None => Ok(()),
    }
}
