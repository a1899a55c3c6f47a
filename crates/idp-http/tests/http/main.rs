//! What a client of the edge sees, through real routers.

mod client;

mod callers;
mod describing;
mod limits;
mod live_events;
mod preconditions;
mod problems;
mod tokens;
