//! The application from the outside: its use cases, its HTTP edge, its import, its page.

mod client;
#[cfg(unix)]
mod operator;
mod process;
mod sample;
mod stores;

mod board;
mod buses;
#[cfg(unix)]
mod holds;
mod http;
mod import;
mod live;
mod log;
mod metrics;
#[cfg(unix)]
mod outbox;
mod page;
mod program;
#[cfg(unix)]
mod replay;
mod settings;
#[cfg(unix)]
mod tenants;
mod trace;
mod use_cases;
