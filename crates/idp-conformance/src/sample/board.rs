//! A board: the rows of a read model.

use idp_domain::{ReadModel, Timestamp, Uuid};

/// One row of the board.
#[derive(ReadModel, Clone, Debug, PartialEq)]
#[read_model(name = "parcel_board", key = id, unique(slot), index(title))]
#[allow(missing_docs, reason = "each field stands for its type")]
pub struct BoardRow {
    pub id: Uuid,
    pub title: String,
    pub slot: Option<i64>,
    pub weight: f64,
    pub urgent: bool,
    pub due_at: Timestamp,
    pub remark: Option<String>,
}

impl BoardRow {
    /// A plain row with that number as key.
    pub fn numbered(number: u128) -> Self {
        Self {
            id: Uuid::from_u128(number),
            title: format!("row {number}"),
            slot: None,
            weight: 0.0,
            urgent: false,
            due_at: Timestamp::UNIX_EPOCH,
            remark: None,
        }
    }
}
