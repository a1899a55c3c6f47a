//! The keys under which Redis knows messages. They are stored, so they must never change.

use idp_application::Stream;

/// The key of the Redis stream that holds the messages of a topic that come by one stream of
/// messages: `topic:{prefix/target/lane}`, with `/side` or `/tenant/…` behind the lane as in the
/// name of the stream. In a cluster, all keys of a stream of messages would be in one slot.
pub fn stream_key(topic: &str, prefix: &str, stream: &Stream) -> String {
    format!("{topic}:{{{prefix}/{stream}}}")
}

/// A pattern for `SCAN … MATCH … TYPE stream` that finds all [keys](stream_key) of a topic.
pub fn stream_key_pattern(topic: &str, prefix: &str) -> String {
    let mut pattern = String::with_capacity(topic.len() + prefix.len() + 8);
    for c in topic.chars() {
        if "*?[]\\^-".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    format!("{pattern}:{{{prefix}/*}}")
}

/// The key of the hash with the highest epoch under which a stream of messages was published, and the
/// last step.
pub(crate) fn state_key(prefix: &str, stream: &Stream) -> String {
    format!("{{{prefix}/{stream}}}:state")
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::{Lane, Track};

    /// Servers know messages by these keys.
    #[test]
    fn the_keys_are_frozen() {
        let stream = |track| Stream { target: "bus".into(), lane: Lane::from_number(12), track };
        let main = stream(Track::Main);
        assert_eq!(stream_key("orders", "shop", &main), "orders:{shop/bus/12}");
        assert_eq!(stream_key("orders", "shop", &stream(Track::Side)), "orders:{shop/bus/12/side}");
        assert_eq!(state_key("shop", &main), "{shop/bus/12}:state");
        assert_eq!(stream_key_pattern("a*b", "shop"), "a\\*b:{shop/*}");
    }
}
