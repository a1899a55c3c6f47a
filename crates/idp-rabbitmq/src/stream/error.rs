//! What failures mean for the messages that were under way.

use super::wire::Broken;
use idp_application::{Error, ErrorKind, PublishError};
use std::io;
use std::time::Duration;

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The broker will never take the message as it stands.
    Refused(String),
    /// The stream takes nothing at present. It says nothing about others.
    Away(String),
    /// The broker cannot do it now.
    NotReady(String),
    /// The connection is gone.
    Lost(io::Error),
    /// The broker does not answer.
    Silent(Duration),
}

impl Fault {
    /// What a response code of the protocol says, other than that all is well.
    pub(crate) fn of_code(code: u16) -> Self {
        match code {
            0x02 => Self::Refused("there is no such stream".to_owned()),
            0x06 => Self::Away("the stream is not available".to_owned()),
            0x08 => Self::NotReady("the broker does not know the user".to_owned()),
            0x0c => Self::NotReady("the user may not enter the virtual host".to_owned()),
            0x10 => Self::Refused("the stream may not be written to".to_owned()),
            0x12 => Self::Away("the broker forgot the producer".to_owned()),
            code => Self::NotReady(format!("the broker answers with code {code:#04x}")),
        }
    }

    pub(crate) fn into_publish_error(self, accepted: usize) -> PublishError {
        match self {
            Self::Refused(why) => PublishError::refused(accepted, why),
            Self::Away(why) => PublishError::topic_unavailable(accepted, None, why),
            Self::NotReady(why) => PublishError::unavailable(accepted, why),
            Self::Lost(error) => {
                PublishError::unavailable(accepted, "the connection to RabbitMQ was lost")
                    .with_source(error)
            }
            Self::Silent(time) => {
                let why = format!("RabbitMQ answered nothing for {time:?}");
                PublishError::unavailable(accepted, why)
            }
        }
    }

    /// Why there is no connection.
    pub(crate) fn into_error(self) -> Error {
        let error = |why: String| Error::new(ErrorKind::Unavailable, "connect to RabbitMQ", why);
        match self {
            Self::Refused(why) | Self::Away(why) | Self::NotReady(why) => error(why),
            Self::Lost(source) => {
                error("no node can be connected to".to_owned()).with_source(source)
            }
            Self::Silent(time) => error(format!("no node answered for {time:?}")),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        Self::Lost(io::Error::new(io::ErrorKind::InvalidData, broken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::PublishFailure::{Refused, TopicUnavailable, Unavailable};

    #[test]
    fn each_failure_has_its_class() {
        for code in 0x02..=0x20 {
            let expected = match code {
                0x02 | 0x10 => Refused,
                0x06 | 0x12 => TopicUnavailable(None),
                _ => Unavailable,
            };
            let failure = Fault::of_code(code).into_publish_error(1);
            assert_eq!((failure.accepted, failure.failure), (1, expected), "code {code:#04x}");
            assert_eq!(Fault::of_code(code).into_error().kind(), ErrorKind::Unavailable);
        }
        let lost = Fault::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(lost.into_publish_error(0).failure, Unavailable);
        assert_eq!(Fault::from(Broken).into_publish_error(0).failure, Unavailable);
        let silent = Fault::Silent(Duration::from_secs(1));
        assert_eq!(silent.into_publish_error(0).failure, Unavailable);
    }
}
