//! The distances of a TSPLIB file: computed from coordinates (`EUC_2D`) or listed (`EXPLICIT`,
//! `LOWER_ROW`).

use super::document::{Document, Section};
use crate::distance::{Distances, LowerRows};
use crate::parse_error::ParseError;

/// The way in which the file gives its distances.
pub(super) fn distances(document: &Document<'_>, dimension: u32) -> Result<Distances, ParseError> {
    let (line, kind) = document.get("EDGE_WEIGHT_TYPE")?;
    match kind {
        "EUC_2D" => Ok(Distances::Rounded),
        "EXPLICIT" => explicit(document, dimension),
        other => Err(line.expected("EDGE_WEIGHT_TYPE EUC_2D or EXPLICIT", other)),
    }
}

fn explicit(document: &Document<'_>, dimension: u32) -> Result<Distances, ParseError> {
    let (line, format) = document.get("EDGE_WEIGHT_FORMAT")?;
    if format != "LOWER_ROW" {
        return Err(line.expected("EDGE_WEIGHT_FORMAT LOWER_ROW", format));
    }
    let section = document.get_section("EDGE_WEIGHT_SECTION")?;
    Ok(Distances::Explicit(lower_rows(section, dimension)?))
}

/// Exactly as many weights as the nodes need. Memory grows with the text, never with DIMENSION
/// alone.
fn lower_rows(section: &Section<'_>, dimension: u32) -> Result<LowerRows, ParseError> {
    let wanted = LowerRows::weights(dimension);
    let expected = format!("expected {wanted} weights (LOWER_ROW of {dimension} nodes)");
    let mut weights = Vec::new();
    for (line, word) in section.words() {
        if weights.len() as u64 == wanted {
            return Err(line.error(format!("{expected}, found more")));
        }
        weights.push(line.tenths(word, "a weight")?);
    }
    if (weights.len() as u64) < wanted {
        return Err(section.end().error(format!("{expected}, found {}", weights.len())));
    }
    Ok(LowerRows::new(weights))
}
