//! The names under which NATS knows messages. They are stored, so they must never change.

use idp_application::{Message, Stream};
use std::fmt::Write;

/// The subject of a topic for one stream of messages, in
/// [strict](crate::Deduplication::Strict) mode: the topic and one token more. Subscribe to
/// `topic.*` for all of a topic; order is kept within a subject.
///
/// The token is `prefix/target/lane`, with `/side` or `/tenant/…` behind it as in the name of the
/// stream; other characters than letters, digits, `_`, `-` and `/` are percent-encoded.
pub fn strict_subject(topic: &str, prefix: &str, stream: &Stream) -> String {
    format!("{topic}.{}", token(&format!("{prefix}/{stream}")))
}

fn token(name: &str) -> String {
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-/".contains(&byte) {
            token.push(char::from(byte));
        } else {
            write!(token, "%{byte:02X}").expect("a string takes all");
        }
    }
    token
}

/// The id of a message within the window. It is not that of the event: another target may publish
/// the same event to the same JetStream stream.
pub(crate) fn window_id(producer: &str, message: &Message) -> String {
    format!("{producer}/{}", message.sequence)
}

/// The id of a message in strict mode. Under another epoch it is another one, so that nothing of an
/// older epoch can follow a message of the newer.
pub(crate) fn strict_id(producer: &str, message: &Message) -> String {
    format!("{producer}/{}@{}", message.sequence, message.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::{Lane, Track};

    /// Servers know messages by these names.
    #[test]
    fn the_names_are_frozen() {
        let stream = |target: &str, track| Stream {
            target: target.into(),
            lane: Lane::from_number(12),
            track,
        };
        let plain = stream("bus", Track::Main);
        assert_eq!(strict_subject("orders.placed", "shop", &plain), "orders.placed.shop/bus/12");
        let odd = stream("é. *", Track::Side);
        assert_eq!(strict_subject("orders", "shop", &odd), "orders.shop/%C3%A9%2E%20%2A/12/side");
    }
}
