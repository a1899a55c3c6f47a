//! Settings from a TOML file and the environment.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod source;

mod bound;
mod secret;
mod setting;

mod fault;

mod duration_text;
mod environment;
mod settings_file;
mod similar;

pub use bound::{Anything, Bound, Length, OneOf};
pub use fault::{Origin, SettingsError, SettingsFault};
pub use secret::Secret;
pub use setting::{Given, Setting};
pub use source::Source;
