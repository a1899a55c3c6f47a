//! What the tests of all brokers need.

use idp_application::Message;
use std::hash::{BuildHasher, RandomState};

/// The value of a variable that a test cannot do without.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
}

/// A name that nobody has on a server that may be used again.
pub(crate) fn unique() -> String {
    format!("i{:016x}", RandomState::new().hash_one("idp"))
}

/// The message to a topic that nobody else has. Take the name away before it is shown.
pub(crate) fn to(message: &Message, topic: &str) -> Message {
    Message { topic: topic.into(), ..message.clone() }
}

/// Pairs as they are shown.
pub(crate) fn pairs<N: Into<String>, V: Into<String>>(
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Vec<(String, String)> {
    pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}
