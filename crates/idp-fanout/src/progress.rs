//! How far each bus is ahead, while they do not all answer: so that one that is down does not get
//! the others flooded with what they have.
//!
//! It is an economy, not a record: what is lost with the process is sent again.

use idp_application::Stream;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Of the streams whose last batch was not taken by all.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    streams: Mutex<HashMap<Arc<Stream>, Marks>>,
}

#[derive(Debug)]
struct Marks {
    epoch: i64,
    /// The last number that each bus has taken under that epoch.
    taken: Vec<i64>,
}

impl Progress {
    /// Keeps what is known of the stream, unless it is of another epoch: every bus gets to know of a
    /// new one, to fence the old.
    pub(crate) fn begin(&self, stream: &Arc<Stream>, epoch: i64, buses: usize) {
        let new = || Marks { epoch, taken: vec![i64::MIN; buses] };
        let mut streams = self.streams();
        let marks = streams.entry(Arc::clone(stream)).or_insert_with(new);
        if marks.epoch != epoch {
            *marks = new();
        }
    }

    /// The last number that the bus has taken; the least there is when it is not known.
    pub(crate) fn taken(&self, stream: &Stream, bus: usize) -> i64 {
        self.streams().get(stream).map_or(i64::MIN, |marks| marks.taken[bus])
    }

    /// Notes that the bus has taken everything up to that number.
    pub(crate) fn note(&self, stream: &Stream, bus: usize, sequence: i64) {
        if let Some(marks) = self.streams().get_mut(stream) {
            marks.taken[bus] = marks.taken[bus].max(sequence);
        }
    }

    /// All have everything.
    pub(crate) fn forget(&self, stream: &Stream) {
        self.streams().remove(stream);
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<Arc<Stream>, Marks>> {
        // Nothing panics while it holds this; and what it holds is only an economy.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
