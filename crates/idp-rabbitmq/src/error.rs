//! What failures mean for the messages that were under way.

use idp_application::{Error, ErrorKind, PublishError};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use std::time::Duration;

/// Why a message was not taken over.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The broker will never take it as it stands.
    Refused(String),
    /// The place that it goes to takes nothing at present: a queue is full, or is away. It says nothing
    /// about others.
    Away(String),
    /// The broker asks to be spared: it takes nothing at all.
    Throttled(String),
    /// The broker closed the channel because of one of several messages: which one is not known.
    Unclear(lapin::Error),
    /// The connection is gone, or the broker is not ready.
    Lost(lapin::Error),
    /// The broker does not answer.
    Silent(Duration),
}

impl Fault {
    /// What an error means that came when a message waited to be confirmed, alone or not. RabbitMQ
    /// closes the channel when it refuses a message, and forgets all that came behind it there.
    pub(crate) fn of(error: lapin::Error, alone: bool) -> Self {
        match (concerns_a_message(&error), alone) {
            (Some(what), true) => Self::Refused(format!("{what}: {error}")),
            (Some(_), false) => Self::Unclear(error),
            (None, _) => Self::Lost(error),
        }
    }

    pub(crate) fn into_publish_error(self, accepted: usize) -> PublishError {
        match self {
            Self::Refused(why) => PublishError::refused(accepted, why),
            Self::Away(why) => PublishError::topic_unavailable(accepted, None, why),
            Self::Throttled(why) => PublishError::throttled(accepted, None, why),
            Self::Unclear(error) | Self::Lost(error) => {
                PublishError::unavailable(accepted, "the connection to RabbitMQ was lost")
                    .with_source(error)
            }
            Self::Silent(time) => {
                let why = format!("RabbitMQ confirmed nothing for {time:?}");
                PublishError::unavailable(accepted, why)
            }
        }
    }
}

/// What RabbitMQ has against a message, if that is what the error is about.
fn concerns_a_message(error: &lapin::Error) -> Option<&'static str> {
    let lapin::ErrorKind::ProtocolError(error) = error.kind() else {
        return None;
    };
    match error.kind() {
        // Of a queue, whose node is down: that passes.
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)
            if error.get_message().as_str().contains("is down or inaccessible") =>
        {
            None
        }
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => Some("there is no such exchange"),
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => Some("it may not be written to"),
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED | AMQPSoftError::CONTENTTOOLARGE) => {
            Some("the broker does not take the message")
        }
        _ => None,
    }
}

/// Why there is no connection. It says nothing about any message, not even when the broker does not
/// know the user.
pub(crate) fn no_connection(error: lapin::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "connect to RabbitMQ", "no node can be connected to")
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::PublishFailure::{
        self, Refused, Throttled, TopicUnavailable, Unavailable,
    };
    use lapin::protocol::{AMQPError, AMQPHardError};
    use std::io;

    fn soft(error: AMQPSoftError) -> lapin::Error {
        saying(error, "text")
    }

    fn saying(error: AMQPSoftError, text: &str) -> lapin::Error {
        lapin::ErrorKind::ProtocolError(AMQPError::new(error.into(), text.into())).into()
    }

    fn hard(error: AMQPHardError) -> lapin::Error {
        lapin::ErrorKind::ProtocolError(AMQPError::new(error.into(), "text".into())).into()
    }

    fn class(error: lapin::Error) -> PublishFailure {
        Fault::of(error, true).into_publish_error(0).failure
    }

    const NODE_DOWN: &str = "NOT_FOUND - home node 'rabbit@b' of durable queue 'orders' in vhost '/' \
                             is down or inaccessible";

    #[test]
    fn each_failure_has_its_class() {
        let table = [
            (soft(AMQPSoftError::NOTFOUND), Refused),
            (saying(AMQPSoftError::NOTFOUND, NODE_DOWN), Unavailable),
            (soft(AMQPSoftError::ACCESSREFUSED), Refused),
            (soft(AMQPSoftError::PRECONDITIONFAILED), Refused),
            (soft(AMQPSoftError::CONTENTTOOLARGE), Refused),
            (soft(AMQPSoftError::RESOURCELOCKED), Unavailable),
            (hard(AMQPHardError::CONNECTIONFORCED), Unavailable),
            (hard(AMQPHardError::RESOURCEERROR), Unavailable),
            (hard(AMQPHardError::INTERNALERROR), Unavailable),
            (hard(AMQPHardError::NOTALLOWED), Unavailable),
            (io::Error::from(io::ErrorKind::ConnectionReset).into(), Unavailable),
            (lapin::ErrorKind::MissingHeartbeatError.into(), Unavailable),
            (lapin::ErrorKind::ChannelsLimitReached.into(), Unavailable),
        ];
        for (error, expected) in table {
            assert_eq!(class(error.clone()), expected, "{error}");
        }
        let fault = Fault::Throttled("full".into()).into_publish_error(3);
        assert_eq!((fault.accepted, fault.failure), (3, Throttled(None)));
        let fault = Fault::Away("no queue".into()).into_publish_error(1);
        assert_eq!((fault.accepted, fault.failure), (1, TopicUnavailable(None)));
        let fault = Fault::Silent(Duration::from_secs(1)).into_publish_error(2);
        assert_eq!((fault.accepted, fault.failure), (2, Unavailable));
        assert_eq!(
            no_connection(soft(AMQPSoftError::ACCESSREFUSED)).kind(),
            ErrorKind::Unavailable
        );
    }

    #[test]
    fn nobody_is_refused_for_a_channel_that_several_messages_were_on() {
        let fault = Fault::of(soft(AMQPSoftError::NOTFOUND), false);
        assert!(matches!(fault, Fault::Unclear(_)));
        assert_eq!(fault.into_publish_error(0).failure, Unavailable);
    }
}
