//! The read side: the board of all plans, folded from their events. Nothing here loads an aggregate.

mod board_reads;
mod board_row;
mod route_plan_board;

pub use board_reads::BoardReads;
pub use board_row::BoardRow;
pub use route_plan_board::RoutePlanBoard;
