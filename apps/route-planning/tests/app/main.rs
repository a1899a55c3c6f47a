//! The application from the outside: its use cases, its HTTP edge, its import, its page.

mod client;
mod process;
mod sample;
mod stores;

mod board;
mod buses;
mod http;
mod import;
mod live;
mod log;
mod metrics;
mod page;
mod program;
mod settings;
mod trace;
mod use_cases;
