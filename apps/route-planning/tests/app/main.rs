//! The application from the outside: its use cases, its HTTP edge, its import, its page.

mod sample;

mod import;
mod settings;
mod use_cases;
