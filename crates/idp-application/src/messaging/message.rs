//! A message to a bus: an event, where it goes, and its number.

use super::cloud_event::written;
use crate::{CloudEvent, Lane};
use idp_domain::TenantId;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// An event on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Where the bus is to put it: the name of a topic, subject, exchange or stream.
    pub topic: Arc<str>,
    /// What it says.
    pub event: CloudEvent,
    /// The sequence of messages that it is numbered in.
    pub stream: Arc<Stream>,
    /// Its number in the stream, from 1, rising; numbers may be left out. The same event always has the
    /// same number in its stream, so that a broker that drops messages with a number it has seen, or a
    /// lower one, stores each event once.
    pub sequence: i64,
    /// The epoch of the lease under which it is published: rises with every change of owner.
    pub epoch: i64,
}

impl Message {
    /// All context attributes of the CloudEvent but `datacontenttype`, with those that say where it
    /// stands in its stream.
    pub fn attributes(&self) -> Vec<(Cow<'static, str>, String)> {
        let mut attributes = Vec::with_capacity(24);
        self.each_attribute(&mut |name, value| attributes.push((name, value.to_owned())));
        attributes
    }

    /// Shows each of the [attributes](Self::attributes) in their order, without a text of its own for
    /// each value: for buses that write them straight into a frame.
    pub fn each_attribute(&self, show: &mut dyn FnMut(Cow<'static, str>, &str)) {
        self.event.each_attribute(show);
        let mut text = String::with_capacity(128);
        // The `sequence` extension compares as text.
        show("sequence".into(), written(&mut text, &format_args!("{:019}", self.sequence)));
        show("stream".into(), written(&mut text, &self.stream));
        show("epoch".into(), written(&mut text, &self.epoch));
    }
}

/// A sequence of messages with numbers of its own, published by one worker at a time: what a broker
/// that drops duplicates calls a producer. Its text is a stable name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The name of the target, which is that of the reader.
    pub target: Arc<str>,
    /// The lane.
    pub lane: Lane,
    /// Which part of the lane.
    pub track: Track,
}

/// Which part of a lane a message comes by. Each aggregate is on one track at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// The log, in its order.
    Main,
    /// Events that were set aside and are due now: scheduled ones, and those of a key that was
    /// parked.
    Side,
    /// The events of one tenant that is served apart from the others.
    Tenant {
        /// Which one.
        tenant: TenantId,
        /// Rises each time that the tenant is set apart.
        generation: i64,
    },
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.target, self.lane.number())?;
        match &self.track {
            Track::Main => Ok(()),
            Track::Side => write!(f, "/side"),
            Track::Tenant { tenant, generation } => write!(f, "/tenant/{tenant}/{generation}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Brokers know producers by these names: they must never change.
    #[test]
    fn the_names_of_streams_are_frozen() {
        let name = |track| {
            Stream { target: "orders".into(), lane: Lane::from_number(12), track }.to_string()
        };
        let tenant = TenantId::new("acme").expect("valid");
        assert_eq!(name(Track::Main), "orders/12");
        assert_eq!(name(Track::Side), "orders/12/side");
        assert_eq!(name(Track::Tenant { tenant, generation: 3 }), "orders/12/tenant/acme/3");
    }
}
