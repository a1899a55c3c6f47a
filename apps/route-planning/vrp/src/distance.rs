//! The three ways in which instances say how far two places are from each other.

use crate::instance::Point;
use crate::tenths::Tenths;

/// A node of an instance and where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) node: u32,
    pub(crate) at: Point,
}

/// How far it is between two places. All three ways are symmetric, and zero from a place to itself.
#[derive(Clone, Debug)]
pub(crate) enum Distances {
    /// `EUC_2D` of TSPLIB95: the Euclidean distance, rounded to the nearest whole.
    Rounded,
    /// Solomon's instances: the Euclidean distance, cut to one decimal.
    Cut,
    /// `EXPLICIT` of TSPLIB95: as the file says.
    Explicit(LowerRows),
}

/// `LOWER_ROW` of TSPLIB95: the matrix row by row, below the diagonal and without it.
#[derive(Clone, Debug)]
pub(crate) struct LowerRows(Vec<Tenths>);

impl Distances {
    pub(crate) fn between(&self, from: Place, to: Place) -> Tenths {
        match self {
            Distances::Rounded => Tenths::rounded(euclidean(from.at, to.at)),
            Distances::Cut => Tenths::cut(euclidean(from.at, to.at)),
            Distances::Explicit(rows) => rows.between(from.node, to.node),
        }
    }
}

impl LowerRows {
    /// How many weights there are between `nodes` nodes.
    pub(crate) fn weights(nodes: u32) -> u64 {
        let nodes = u64::from(nodes);
        nodes * nodes.saturating_sub(1) / 2
    }

    /// `weights` are as many as [`LowerRows::weights`] says for the nodes numbered from 1.
    pub(crate) fn new(weights: Vec<Tenths>) -> Self {
        LowerRows(weights)
    }

    fn between(&self, from: u32, to: u32) -> Tenths {
        if from == to {
            return Tenths::ZERO;
        }
        let (row, column) = (from.max(to), from.min(to));
        let before = Self::weights(row - 1) as usize + column as usize - 1;
        *self.0.get(before).expect("the weights were counted against the nodes")
    }
}

/// By square root rather than `hypot`: IEEE 754 rounds it the same way on every machine.
fn euclidean(a: Point, b: Point) -> f64 {
    let (x, y) = (a.x - b.x, a.y - b.y);
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(node: u32, x: f64, y: f64) -> Place {
        Place { node, at: Point { x, y } }
    }

    #[test]
    fn a_lower_row_matrix_is_read_row_by_row_and_mirrored() {
        let rows = (1..=6).map(|weight| Tenths::from_tenths(weight * 10)).collect();
        let distances = Distances::Explicit(LowerRows::new(rows));
        let between = |a, b| distances.between(place(a, 0.0, 0.0), place(b, 0.0, 0.0)).to_string();
        assert_eq!([between(2, 1), between(3, 1), between(3, 2)], ["1", "2", "3"]);
        assert_eq!([between(4, 1), between(2, 4), between(3, 4)], ["4", "5", "6"]);
        assert_eq!(between(4, 4), "0");
    }

    #[test]
    fn tsplib_rounds_where_solomon_cuts() {
        let (origin, corner) = (place(1, 0.0, 0.0), place(2, 7.0, 7.0));
        assert_eq!(Distances::Rounded.between(origin, corner).to_string(), "10");
        assert_eq!(Distances::Cut.between(origin, corner).to_string(), "9.8");
    }
}
