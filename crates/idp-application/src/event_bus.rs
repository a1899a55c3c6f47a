//! The port through which events leave the service.

use crate::{BoxFuture, Error, Lane};
use idp_domain::Envelope;
use std::fmt;

/// An event on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The event.
    pub envelope: Envelope,
    /// The lane it is in.
    pub lane: Lane,
    /// Its number in the lane, from 1, without gaps. The same event always has the same number, so
    /// that a broker that drops messages with a number it has seen stores each event once.
    pub lane_sequence: i64,
    /// The epoch of the lease under which it is published: rises with every change of owner.
    pub epoch: i64,
}

/// Publishes messages. It does not subscribe.
///
/// # Contract
/// 1. Messages with one key (tenant and aggregate) reach the bus in the order given.
/// 2. `Ok` means that the bus has taken over responsibility for all of them.
/// 3. An error says how many messages, from the first, were taken over for sure; the others may or
///    may not have been.
pub trait EventBus: Send + Sync + 'static {
    /// Publishes the messages in order.
    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>>;
}

/// A batch that was not taken over as a whole.
#[derive(Debug)]
pub struct PublishError {
    /// How many messages, counted from the first, were taken over.
    pub accepted: usize,
    /// What stopped the next one.
    pub error: Error,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} accepted messages: {}", self.accepted, self.error)
    }
}

impl std::error::Error for PublishError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
