//! The bus that publishes to all of its buses.

use crate::error;
use crate::guarantees;
use crate::progress::Progress;
use futures_util::future::join_all;
use idp_application::{
    BoxFuture, BusGuarantees, Error, ErrorKind, EventBus, Message, PublishError, PublishFailure,
};
use std::fmt;
use std::sync::Arc;

/// Publishes every message to each of several buses, to all at the same time.
pub struct FanOut {
    buses: Vec<Arc<dyn EventBus>>,
    progress: Progress,
}

impl FanOut {
    /// Over those buses.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) when there are none: everything would count as published.
    pub fn over(buses: impl IntoIterator<Item = Arc<dyn EventBus>>) -> Result<Self, Error> {
        let buses: Vec<_> = buses.into_iter().collect();
        if buses.is_empty() {
            let message = "`buses` has to name one bus at least";
            return Err(Error::new(ErrorKind::Invalid, "configure a fan-out", message));
        }
        Ok(Self { buses, progress: Progress::default() })
    }

    async fn publish_to_all(&self, messages: &[Message]) -> Result<(), PublishError> {
        let Some(first) = messages.first() else { return Ok(()) };
        self.progress.begin(&first.stream, first.epoch, self.buses.len());
        let publishing = (0..self.buses.len()).map(|bus| self.publish_to(bus, messages));
        let outcome = error::weakest(join_all(publishing).await);
        let is_over = outcome
            .as_ref()
            .map_or_else(|error| error.failure == PublishFailure::Fenced, |()| true);
        if is_over {
            self.progress.forget(&first.stream);
        }
        outcome
    }

    /// What one of the buses has taken already is kept from it; it counts as accepted.
    async fn publish_to(&self, bus: usize, messages: &[Message]) -> Result<(), PublishError> {
        let stream = &messages[0].stream;
        let taken = self.progress.taken(stream, bus);
        let skipped = messages.partition_point(|message| message.sequence <= taken);
        let rest = &messages[skipped..];
        if rest.is_empty() {
            return Ok(());
        }
        let outcome = self.buses[bus].publish(rest).await.map_err(|error| error.after(skipped));
        let accepted = outcome.as_ref().map_or_else(|error| error.accepted, |()| messages.len());
        // Noted at once: the other buses may take until nobody waits for them any more.
        if let Some(last) = messages[..accepted].last() {
            self.progress.note(stream, bus, last.sequence);
        }
        outcome
    }
}

impl fmt::Debug for FanOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOut").field("buses", &self.buses.len()).finish_non_exhaustive()
    }
}

impl EventBus for FanOut {
    /// That of its buses, if they are of one kind; otherwise `fan_out`.
    fn system(&self) -> &'static str {
        let first = self.buses[0].system();
        let is_one = self.buses.iter().all(|bus| bus.system() == first);
        if is_one { first } else { "fan_out" }
    }

    fn guarantees(&self) -> BusGuarantees {
        guarantees::weakest(self.buses.iter().map(|bus| bus.guarantees()))
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let bytes_max = self.guarantees().data_bytes_max.unwrap_or(usize::MAX);
            let too_large = |message: &Message| message.event.data.len() > bytes_max;
            // Checked before any bus gets it: those with more room would take it and what follows.
            match messages.iter().position(too_large) {
                None => self.publish_to_all(messages).await,
                Some(at) => {
                    self.publish_to_all(&messages[..at]).await?;
                    let text = format!("one of the buses takes at most {bytes_max} bytes of data");
                    Err(PublishError::refused(at, text))
                }
            }
        })
    }
}
