//! Reads the text format of Solomon (1987): customers with time windows, and Gehring and
//! Homberger's larger ones.
//!
//! ```text
//! C101
//!
//! VEHICLE
//! NUMBER     CAPACITY
//!   25         200
//!
//! CUSTOMER
//! CUST NO.  XCOORD.  YCOORD.  DEMAND  READY TIME  DUE DATE  SERVICE TIME
//!     0      40        50        0        0         1236         0
//!     1      45        68       10      912          967        90
//! ```

use crate::distance::Distances;
use crate::instance::{Customer, Depot, Instance, Kind, NODES_MAX, Parts, Point, TimeWindow};
use crate::line::{Line, Source};
use crate::parse_error::ParseError;
use std::collections::HashMap;

/// The number of the depot, which is the first row.
const DEPOT: u32 = 0;

/// Whether a file with this line, and none before it that says otherwise, is in Solomon's format.
pub(crate) fn begins(line: Line<'_>) -> bool {
    is(line, "VEHICLE") || is(line, "CUSTOMER")
}

/// Reads the name, the fleet, the depot and the customers, in this order.
pub(crate) fn parse(source: Source<'_>) -> Result<Instance, ParseError> {
    let mut reader = Reader { source, lines: source.lines() };
    let name = reader.next("the name of the instance")?;
    if begins(name) {
        return Err(name.expected("the name of the instance", name.text));
    }
    let (vehicles, capacity) = reader.fleet()?;
    let rows = reader.rows(capacity)?;
    let mut rows = rows.into_iter().map(|(_, row)| row);
    let depot = rows.next().map(|depot| Depot { node: DEPOT, at: depot.at, window: depot.window });
    Ok(Instance::checked(Parts {
        name: name.text.to_owned(),
        kind: Kind::TimeWindows,
        capacity,
        vehicles: Some(vehicles),
        depot: depot.expect("the first row was checked to be the depot"),
        customers: rows.collect(),
        distances: Distances::Cut,
    }))
}

struct Reader<'a, Lines> {
    source: Source<'a>,
    lines: Lines,
}

impl<'a, Lines: Iterator<Item = Line<'a>>> Reader<'a, Lines> {
    fn next(&mut self, expected: &str) -> Result<Line<'a>, ParseError> {
        let end = self.source.end();
        self.lines
            .next()
            .ok_or_else(|| end.error(format!("expected {expected}, found the end of the file")))
    }

    /// A line that begins with `title`, in upper or lower case.
    fn title(&mut self, title: &str) -> Result<(), ParseError> {
        let line = self.next(title)?;
        let word = line.words().next().unwrap_or_default();
        if word.eq_ignore_ascii_case(title) { Ok(()) } else { Err(line.expected(title, line.text)) }
    }

    /// How many vehicles there are, and what each can load.
    fn fleet(&mut self) -> Result<(u32, u32), ParseError> {
        self.title("VEHICLE")?;
        self.title("NUMBER")?;
        let line = self.next("2 numbers (vehicles, capacity)")?;
        let [vehicles, capacity] = line.row(["vehicles", "capacity"])?;
        Ok((
            line.whole(vehicles, "a number of vehicles", 1..=u32::MAX)?,
            line.whole(capacity, "a capacity", 1..=u32::MAX)?,
        ))
    }

    /// The depot, then the customers: at least one, and no number twice.
    fn rows(&mut self, capacity: u32) -> Result<Vec<(Line<'a>, Customer)>, ParseError> {
        self.title("CUSTOMER")?;
        self.title("CUST")?;
        let first = self.next("the depot")?;
        let mut rows = vec![(first, depot(first)?)];
        let mut seen = HashMap::from([(DEPOT, first.number)]);
        for line in self.lines.by_ref() {
            let row = customer(line, capacity)?;
            if let Some(before) = seen.insert(row.number, line.number) {
                let number = row.number;
                return Err(line.error(format!(
                    "expected customer {number} once, found a second (the first is on line {before})"
                )));
            }
            rows.push((line, row));
            if rows.len() > NODES_MAX as usize {
                return Err(line.error(format!("expected at most {NODES_MAX} rows, found more")));
            }
        }
        if rows.len() < 2 {
            self.next("a customer")?;
        }
        Ok(rows)
    }
}

/// The first row: number 0, demand 0.
fn depot(line: Line<'_>) -> Result<Customer, ParseError> {
    let row = customer(line, u32::MAX)?;
    if row.number != DEPOT {
        return Err(line.expected("the depot, customer 0, first", &row.number.to_string()));
    }
    if row.demand != 0 {
        return Err(line.expected("demand 0 at the depot", &row.demand.to_string()));
    }
    Ok(row)
}

fn customer(line: Line<'_>, capacity: u32) -> Result<Customer, ParseError> {
    let [number, x, y, demand, ready, due, service] =
        line.row(["customer", "x", "y", "demand", "ready", "due", "service"])?;
    let number = line.whole(number, "a customer", 0..=u32::MAX)?;
    let at = Point { x: line.coordinate(x, "x")?, y: line.coordinate(y, "y")? };
    let demand = line.whole(demand, "a demand", 0..=capacity)?;
    let window = TimeWindow {
        ready: line.tenths(ready, "a ready time")?,
        due: line.tenths(due, "a due date")?,
        service: line.tenths(service, "a service time")?,
    };
    if window.due < window.ready {
        return Err(line.expected(&format!("a due date not before the ready time {ready}"), due));
    }
    Ok(Customer { number, node: number, at, demand, window: Some(window) })
}

fn is(line: Line<'_>, title: &str) -> bool {
    line.text.eq_ignore_ascii_case(title)
}
