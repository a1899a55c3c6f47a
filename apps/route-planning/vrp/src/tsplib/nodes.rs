//! The nodes of a TSPLIB file: where they lie, what they demand, and which of them is the depot.

use super::document::{Document, Section};
use crate::instance::{Depot, Point};
use crate::line::Line;
use crate::parse_error::ParseError;
use std::collections::BTreeMap;

/// Ends the list of depots (TSPLIB95, section 1.2).
const END_OF_DEPOTS: &str = "-1";

/// The coordinates of node 1 and up.
///
/// They are needed even where the weights are explicit, because a stop that lies nowhere cannot be
/// put on a map.
pub(super) fn points(document: &Document<'_>, dimension: u32) -> Result<Vec<Point>, ParseError> {
    let section = document.get_section("NODE_COORD_SECTION")?;
    by_node(section, "the coordinates", dimension, |line| {
        let [node, x, y] = line.row(["node", "x", "y"])?;
        Ok((node, Point { x: line.coordinate(x, "x")?, y: line.coordinate(y, "y")? }))
    })
}

/// The demands of node 1 and up, each with its line. None is larger than the capacity: it could
/// never be met.
pub(super) fn demands<'a>(
    document: &Document<'a>,
    dimension: u32,
    capacity: u32,
) -> Result<Vec<(Line<'a>, u32)>, ParseError> {
    let section = document.get_section("DEMAND_SECTION")?;
    by_node(section, "the demand", dimension, |line| {
        let [node, demand] = line.row(["node", "demand"])?;
        Ok((node, (line, line.whole(demand, "a demand", 0..=capacity)?)))
    })
}

/// The one depot, which demands nothing.
pub(super) fn depot(
    document: &Document<'_>,
    points: &[Point],
    demands: &[(Line<'_>, u32)],
) -> Result<Depot, ParseError> {
    let section = document.get_section("DEPOT_SECTION")?;
    let node = single_depot(section, points.len() as u32)?;
    let position = node as usize - 1;
    if let Some((line, demand)) = demands.get(position).filter(|(_, demand)| *demand > 0) {
        return Err(line.expected(&format!("demand 0 at the depot {node}"), &demand.to_string()));
    }
    let at = *points.get(position).expect("the depot was checked to be one of the nodes");
    Ok(Depot { node, at, window: None })
}

fn single_depot(section: &Section<'_>, dimension: u32) -> Result<u32, ParseError> {
    let mut words = section.words();
    let (line, word) = words.next().ok_or_else(|| section.end().expected("a depot", ""))?;
    let node = line.whole(word, "a depot", 1..=dimension)?;
    let (line, word) = words.next().unwrap_or((section.end(), ""));
    if word != END_OF_DEPOTS {
        return Err(line.expected("-1 after the depot (several depots are unsupported)", word));
    }
    match words.next() {
        Some((line, word)) => Err(line.expected("nothing after the -1 of the depots", word)),
        None => Ok(node),
    }
}

/// Rows that begin with the number of their node, sorted by it: each node from 1 to `dimension`
/// exactly once.
fn by_node<'a, T>(
    section: &Section<'a>,
    what: &str,
    dimension: u32,
    read: impl Fn(Line<'a>) -> Result<(&'a str, T), ParseError>,
) -> Result<Vec<T>, ParseError> {
    let mut found = BTreeMap::new();
    for &line in &section.rows {
        let (node, value) = read(line)?;
        let node = line.whole(node, "a node within DIMENSION,", 1..=dimension)?;
        if let Some((first, _)) = found.insert(node, (line, value)) {
            let first = first.number;
            return Err(line.error(format!(
                "expected {what} of node {node} once, found a second (the first is on line {first})"
            )));
        }
    }
    if let Some(missing) = (1..=dimension).find(|node| !found.contains_key(node)) {
        return Err(section.end().error(format!(
            "expected {what} of {dimension} nodes (DIMENSION), found {}: node {missing} is missing",
            found.len()
        )));
    }
    Ok(found.into_values().map(|(_, value)| value).collect())
}
