//! How far each bus is ahead, while they do not all answer: so that one that is down does not get
//! the others flooded with what they have.
//!
//! It is an economy, not a record: what is lost with the process is sent again, and so is what has to
//! make room for others.

use idp_application::Stream;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many streams are known at the most. A lane whose batch failed and that another worker took
/// over since is not heard of here any more.
const STREAMS_MAX: usize = 4_096;

/// Of the streams whose last batch was not taken by all.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    streams: HashMap<Arc<Stream>, Marks>,
    /// Counts sends.
    sends: u64,
}

#[derive(Debug)]
struct Marks {
    epoch: i64,
    /// The last number that each bus has taken under that epoch.
    taken: Vec<i64>,
    /// Which send was the last.
    used: u64,
}

impl Progress {
    /// Keeps what is known of the stream, unless it is of another epoch: every bus gets to know of a
    /// new one, to fence the old.
    pub(crate) fn begin(&self, stream: &Arc<Stream>, epoch: i64, buses: usize) {
        let mut known = self.known();
        known.sends += 1;
        let used = known.sends;
        if let Some(marks) = known.streams.get_mut(stream).filter(|marks| marks.epoch == epoch) {
            marks.used = used;
            return;
        }
        if known.streams.len() >= STREAMS_MAX && !known.streams.contains_key(stream) {
            known.forget_oldest();
        }
        let marks = Marks { epoch, taken: vec![i64::MIN; buses], used };
        known.streams.insert(Arc::clone(stream), marks);
    }

    /// The last number that the bus has taken; the least there is when it is not known.
    pub(crate) fn taken(&self, stream: &Stream, bus: usize) -> i64 {
        self.known().streams.get(stream).map_or(i64::MIN, |marks| marks.taken[bus])
    }

    /// Notes that the bus has taken everything up to that number.
    pub(crate) fn note(&self, stream: &Stream, bus: usize, sequence: i64) {
        if let Some(marks) = self.known().streams.get_mut(stream) {
            marks.taken[bus] = marks.taken[bus].max(sequence);
        }
    }

    /// All have everything.
    pub(crate) fn forget(&self, stream: &Stream) {
        self.known().streams.remove(stream);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing panics while it holds this; and what it holds is only an economy.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget_oldest(&mut self) {
        let oldest = self.streams.iter().min_by_key(|(_, marks)| marks.used);
        if let Some(stream) = oldest.map(|(stream, _)| Arc::clone(stream)) {
            self.streams.remove(&stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::{Lane, Track};

    fn stream(number: usize) -> Arc<Stream> {
        let target = format!("target-{number}").into();
        Arc::new(Stream { target, lane: Lane::from_number(0), track: Track::Main })
    }

    #[test]
    fn streams_that_were_left_behind_make_room_for_others() {
        let progress = Progress::default();
        for number in 0..STREAMS_MAX {
            progress.begin(&stream(number), 1, 2);
            progress.note(&stream(number), 1, 7);
        }
        progress.begin(&stream(0), 1, 2);
        assert_eq!(progress.taken(&stream(0), 1), 7, "it is known, and in use again");
        progress.begin(&stream(STREAMS_MAX), 1, 2);
        assert_eq!(progress.known().streams.len(), STREAMS_MAX);
        let taken = [0, 1, 2].map(|number| progress.taken(&stream(number), 1));
        assert_eq!(taken, [7, i64::MIN, 7], "the one that was not used for the longest time");
    }
}
