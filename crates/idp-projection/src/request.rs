//! What the owner of a projector asks of it while it runs.

use idp_application::{Error, ErrorKind};
use tokio::sync::{mpsc, oneshot};

/// A request, with the place for the answer.
#[derive(Debug)]
pub(crate) enum Request {
    /// To be answered when everything is applied that is committed now.
    CatchUp(oneshot::Sender<()>),
    /// To be answered when the read model was made anew, up to what is committed then.
    Rebuild(oneshot::Sender<()>),
}

/// Asks, and waits for the answer.
pub(crate) async fn ask(
    requests: &mpsc::UnboundedSender<Request>,
    request: fn(oneshot::Sender<()>) -> Request,
) -> Result<(), Error> {
    let (answer, answered) = oneshot::channel();
    let ended = || Error::new(ErrorKind::Unavailable, "ask the projector", "it has ended");
    requests.send(request(answer)).map_err(|_| ended())?;
    answered.await.map_err(|_| ended())
}

/// Requests that wait for their answers.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// Came before the reading that is going on now.
    reading: Vec<oneshot::Sender<()>>,
    /// To be answered by a reading that begins later.
    new: Vec<oneshot::Sender<()>>,
    /// Wait for the table to be emptied.
    rebuild: Vec<oneshot::Sender<()>>,
}

impl Requests {
    pub(crate) fn take(&mut self, request: Request) {
        match request {
            Request::CatchUp(answer) => self.new.push(answer),
            Request::Rebuild(answer) => self.rebuild.push(answer),
        }
    }

    /// Whether a rebuild is asked for, by somebody who still waits for it.
    pub(crate) fn wants_rebuild(&mut self) -> bool {
        self.rebuild.retain(|answer| !answer.is_closed());
        !self.rebuild.is_empty()
    }

    /// Whether a reading is asked for.
    pub(crate) fn wants_reading(&self) -> bool {
        !self.new.is_empty() || !self.reading.is_empty()
    }

    /// The table is empty: now the rebuilds wait for what is to be read.
    pub(crate) fn emptied(&mut self) {
        self.new.append(&mut self.rebuild);
    }

    /// A reading begins.
    pub(crate) fn reading(&mut self) {
        self.reading.append(&mut self.new);
    }

    /// The reading found nothing more.
    pub(crate) fn caught_up(&mut self) {
        for answer in self.reading.drain(..) {
            // Nobody minds an answer that nobody waits for any more.
            let _ = answer.send(());
        }
    }
}
