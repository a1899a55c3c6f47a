//! The channels of a connection that no call uses, and those that are being opened.

use crate::error::Fault;
use crate::session::Session;
use lapin::options::ConfirmSelectOptions;
use lapin::{Channel, Connection};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

#[derive(Default)]
pub(crate) struct Openings {
    /// Channels that nothing is under way on.
    idle: Vec<Channel>,
    /// The calls that wait for a channel. For each, one is being opened.
    waiting: VecDeque<Waiting>,
}

type Waiting = oneshot::Sender<Result<Channel, Fault>>;

impl Openings {
    /// A channel that nothing is under way on.
    pub(crate) fn take(&mut self) -> Option<Channel> {
        std::iter::from_fn(|| self.idle.pop()).find(|channel| channel.status().connected())
    }

    /// Waits for a channel. One must be opened for it.
    pub(crate) fn wait(&mut self) -> oneshot::Receiver<Result<Channel, Fault>> {
        let (waiting, outcome) = oneshot::channel();
        self.waiting.push_back(waiting);
        outcome
    }

    /// Nothing is under way on it.
    pub(crate) fn give_back(&mut self, channel: Channel) {
        if let Some(Ok(channel)) = self.answer(Ok(channel)) {
            self.idle.push(channel);
        }
    }

    /// Gives it to the call that has waited for the longest time; back, if there is none.
    fn answer(&mut self, outcome: Result<Channel, Fault>) -> Option<Result<Channel, Fault>> {
        let mut left = Some(outcome);
        while let Some(outcome) = left.take() {
            let Some(waiting) = self.waiting.pop_front() else { return Some(outcome) };
            left = waiting.send(outcome).err();
        }
        None
    }
}

/// Opens a channel for whoever waits for one then. A connection that takes longer is given up.
pub(crate) async fn open(session: Arc<Session>, limit: Duration) {
    let opened = tokio::time::timeout(limit, confirming(session.connection())).await;
    let opened = match opened {
        Ok(opened) => opened.map_err(Fault::Lost),
        Err(_) => {
            session.retire();
            Err(Fault::Silent(limit))
        }
    };
    match opened {
        Ok(channel) => session.openings().give_back(channel),
        Err(fault) => {
            // Nobody may be left to be told.
            let _ = session.openings().answer(Err(fault));
        }
    }
}

async fn confirming(connection: &Connection) -> lapin::Result<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// Tasks end early only with their runtime.
pub(crate) fn cut_short() -> Fault {
    Fault::Lost(io::Error::from(io::ErrorKind::Interrupted).into())
}
