//! One call on one channel: messages go out, confirmations come back.
//!
//! Where no message was routed yet, or the last one was not taken, one message goes alone: what makes
//! the broker refuse it, or close the channel, can then be told of that message, and nothing behind it
//! was stored. Elsewhere as many go out at once as the configuration allows.

use crate::address::Address;
use crate::binding;
use crate::broker::Broker;
use crate::config::RabbitConfig;
use crate::error::Fault;
use crate::lineup::Lineup;
use crate::routes::Routes;
use crate::session::{Lent, Session};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, poll_immediate};
use futures_util::stream::FuturesUnordered;
use idp_application::Message;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Confirmation};
use std::collections::BTreeMap;

/// How many bytes of data may wait to be confirmed, unless one message has more.
const IN_FLIGHT_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) struct Sending<'m> {
    session: &'m Session,
    routes: &'m Routes,
    lent: Lent,
    messages: &'m [Message],
    config: &'m RabbitConfig,
    /// Whether each message waits for the one before it.
    alone: bool,
    lineup: Lineup<'m>,
    under_way: FuturesUnordered<BoxFuture<'m, Outcome>>,
    bytes_under_way: usize,
    /// Whether the message under way goes where none went yet.
    is_trial: bool,
    states: Vec<State>,
    faults: BTreeMap<usize, Fault>,
}

/// Which message, and what became of it.
type Outcome = (usize, lapin::Result<Confirmation>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Confirmed,
    Failed,
}

impl<'m> Sending<'m> {
    pub(crate) fn new(
        session: &'m Session,
        broker: &'m Broker,
        lent: Lent,
        messages: &'m [Message],
        alone: bool,
    ) -> Self {
        Self {
            session,
            routes: broker.routes(),
            lent,
            messages,
            config: broker.config(),
            alone,
            lineup: Lineup::of(messages, broker.config().order),
            under_way: FuturesUnordered::new(),
            bytes_under_way: 0,
            is_trial: false,
            states: vec![State::Open; messages.len()],
            faults: BTreeMap::new(),
        }
    }

    /// Sends until all are confirmed or one is not taken. An error says how many, from the first,
    /// were confirmed, and why not the next.
    pub(crate) async fn run(mut self) -> Result<(), (usize, Fault)> {
        let mut end = self.start().await;
        while end.is_ok() && !self.under_way.is_empty() {
            end = match self.next_outcome().await {
                Ok((index, outcome)) => self.settle(index, outcome),
                Err(fault) => Err(fault),
            };
            if end.is_ok() {
                end = self.start().await;
            }
        }
        if end.is_err() {
            self.take_what_came();
        }
        self.finish(end)
    }

    /// Sends what may be sent now.
    async fn start(&mut self) -> Result<(), Fault> {
        while let Some(index) = self.lineup.peek() {
            let message = &self.messages[index];
            let is_known = self.session.has_routed(message);
            if !self.has_room(message, is_known) {
                break;
            }
            self.lineup.take();
            match self.prepare(message) {
                Ok(parts) => {
                    self.is_trial = !is_known;
                    self.send(index, parts).await?;
                }
                Err(why) => self.fail(index, Fault::Refused(why)),
            }
        }
        Ok(())
    }

    fn has_room(&self, message: &Message, is_known: bool) -> bool {
        let bytes = self.bytes_under_way + message.event.data.len();
        let fits = self.under_way.len() < self.config.in_flight_max && bytes <= IN_FLIGHT_BYTES_MAX;
        self.under_way.is_empty() || (fits && is_known && !self.is_trial && !self.alone)
    }

    fn prepare(&self, message: &Message) -> Result<(Address, BasicProperties), String> {
        let (bytes, most) = (message.event.data.len(), self.config.data_bytes_max);
        if bytes > most {
            return Err(format!("the message has {bytes} bytes of data, {most} at most"));
        }
        let address = Address::of(&message.topic, &message.event.event_type)?;
        Ok((address, binding::properties(message, self.session.frame_bytes())?))
    }

    async fn send(&mut self, index: usize, parts: (Address, BasicProperties)) -> Result<(), Fault> {
        let data = &self.messages[index].event.data;
        self.bytes_under_way += data.len();
        let channel = self.lent.channel().clone();
        let mut sending: BoxFuture<'m, Outcome> =
            Box::pin(async move { (index, transmit(channel, parts, data).await) });
        // The first poll puts it behind what was sent before.
        match poll_immediate(&mut sending).await {
            Some((index, outcome)) => self.settle(index, outcome)?,
            None => self.under_way.push(sending),
        }
        Ok(())
    }

    async fn next_outcome(&mut self) -> Result<Outcome, Fault> {
        let silence = self.config.confirm_timeout;
        tokio::select! {
            biased;
            outcome = self.under_way.select_next_some() => Ok(outcome),
            reason = self.session.until_blocked() => Err(Fault::Throttled(reason)),
            () = tokio::time::sleep(silence) => Err(Fault::Silent(silence)),
        }
    }

    /// Notes what became of a message. An error is the end of the channel.
    fn settle(&mut self, index: usize, outcome: lapin::Result<Confirmation>) -> Result<(), Fault> {
        let message = &self.messages[index];
        self.bytes_under_way -= message.event.data.len();
        self.is_trial = false;
        let (is_ack, returned) = match outcome {
            Ok(Confirmation::Ack(returned)) => (true, returned),
            Ok(Confirmation::Nack(returned)) => (false, returned),
            Ok(Confirmation::NotRequested) => (false, None),
            Err(error) => {
                let fault = Fault::of(error, self.under_way.is_empty());
                self.fail(index, fault.clone());
                return Err(fault);
            }
        };
        if let Some(returned) = returned {
            self.note_return(index, &returned);
        }
        if self.states[index] == State::Failed {
            return Ok(());
        }
        if is_ack {
            self.states[index] = State::Confirmed;
            self.session.note_confirmed();
            self.session.remember_route(message);
            self.routes.routed(message);
            self.lineup.done(index);
        } else {
            self.session.forget_route(message);
            let why = "a queue does not take it: it is full, or failed";
            self.fail(index, Fault::Away(why.to_owned()));
        }
        Ok(())
    }

    /// The client hands a returned message over with the confirmation of any message that was
    /// confirmed at once with it.
    fn note_return(&mut self, index: usize, returned: &BasicReturnMessage) {
        let mut copies = (0..self.messages.len()).filter(|at| {
            self.states[*at] != State::Failed && binding::is_copy(returned, &self.messages[*at])
        });
        let index = copies.next().unwrap_or(index);
        let message = &self.messages[index];
        self.session.forget_route(message);
        let why = format!("{}: {}", returned.reply_code, returned.reply_text);
        let why = format!("the message is routed nowhere: {why}");
        let may_pass = self.routes.may_come_back(message, self.config.unroutable_grace);
        self.fail(index, if may_pass { Fault::Away(why) } else { Fault::Refused(why) });
    }

    fn fail(&mut self, index: usize, fault: Fault) {
        self.states[index] = State::Failed;
        self.faults.insert(index, fault);
        self.lineup.end_before(index);
    }

    /// Notes the confirmations that have come already.
    fn take_what_came(&mut self) {
        use futures_util::FutureExt;
        while let Some(Some((index, outcome))) = self.under_way.next().now_or_never() {
            if outcome.is_ok() {
                // It is the end already.
                let _ = self.settle(index, outcome);
            }
        }
    }

    fn finish(mut self, end: Result<(), Fault>) -> Result<(), (usize, Fault)> {
        let confirmed = self.states.iter().take_while(|state| **state == State::Confirmed).count();
        let own = self.faults.remove(&confirmed);
        match &end {
            Ok(()) => self.lent.give_back(),
            Err(Fault::Silent(_)) => self.lent.retire(),
            Err(Fault::Unclear(_)) => {
                self.session.forget_routes();
                self.lent.discard();
            }
            Err(_) => self.lent.discard(),
        }
        if confirmed == self.messages.len() {
            return Ok(());
        }
        let fault = own.or(end.err()).expect("what is open behind confirmed ones is sent");
        Err((confirmed, fault))
    }
}

/// Sends a message and waits until the broker has confirmed it.
async fn transmit(
    channel: Channel,
    (address, properties): (Address, BasicProperties),
    data: &[u8],
) -> lapin::Result<Confirmation> {
    let Address { exchange, routing_key } = address;
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let confirm = channel.basic_publish(exchange, routing_key, options, data, properties).await?;
    confirm.await
}
