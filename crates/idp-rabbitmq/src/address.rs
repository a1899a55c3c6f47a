//! Where a message goes: what a topic means to RabbitMQ.

use lapin::types::ShortString;

/// An exchange, and the key by which it routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
}

impl Address {
    /// `exchange/key`; or `exchange`, which routes by the type of the event; or `/queue`, straight to
    /// that queue.
    ///
    /// # Errors
    /// Says what is wrong when there is no such name in RabbitMQ.
    pub(crate) fn of(topic: &str, event_type: &str) -> Result<Self, String> {
        let (exchange, routing_key) = topic.split_once('/').unwrap_or((topic, event_type));
        if exchange.is_empty() && !topic.starts_with('/') {
            return Err("the topic is empty".to_owned());
        }
        Ok(Self {
            exchange: short("exchange", exchange)?,
            routing_key: short("routing key", routing_key)?,
        })
    }
}

fn short(what: &str, text: &str) -> Result<ShortString, String> {
    ShortString::try_new(text)
        .map_err(|_| format!("the {what} has {} bytes, 255 at most", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(topic: &str) -> (String, String) {
        let address = Address::of(topic, "door.opened").expect("valid");
        (address.exchange.to_string(), address.routing_key.to_string())
    }

    #[test]
    fn a_topic_is_an_exchange_with_or_without_a_key_or_a_queue() {
        assert_eq!(parts("events/acme"), ("events".into(), "acme".into()));
        assert_eq!(parts("events/a/b"), ("events".into(), "a/b".into()));
        assert_eq!(parts("events/"), ("events".into(), String::new()));
        assert_eq!(parts("events"), ("events".into(), "door.opened".into()));
        assert_eq!(parts("/inbox"), (String::new(), "inbox".into()));
    }

    #[test]
    fn names_that_rabbitmq_cannot_have_are_refused() {
        let long = "x".repeat(256);
        assert!(Address::of("", "door.opened").is_err());
        assert!(Address::of(&long, "door.opened").is_err());
        assert!(Address::of("events", &long).is_err());
        assert!(Address::of(&format!("events/{long}"), "door.opened").is_err());
    }
}
