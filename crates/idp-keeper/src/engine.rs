//! Drives a keeper, turn by turn: archives, purges, looks who was late, and waits.

use crate::archive::Step;
use crate::held_up::HeldUp;
use crate::keeper::Parts;
use crate::pauses::Pauses;
use crate::{KeeperStatus, LateReader};
use idp_application::{Error, ErrorKind, Membership, PurgeBlock, PurgeReport};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// A running keeper.
pub(crate) struct Engine {
    pub(crate) parts: Parts,
    stop: watch::Receiver<bool>,
    pub(crate) status: watch::Sender<KeeperStatus>,
    pauses: Pauses,
    /// Turns in a row that failed, or found the log locked.
    failures: u32,
}

/// When the next turn is due. What comes first outweighs what comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// After a pause: something is in the way.
    Paused,
    /// At once: there is more to do.
    AtOnce,
    /// After the interval.
    Later,
}

impl Engine {
    pub(crate) fn new(
        parts: Parts,
        stop: watch::Receiver<bool>,
        status: watch::Sender<KeeperStatus>,
    ) -> Self {
        let pauses = Pauses::new(parts.worker);
        Self { parts, stop, status, pauses, failures: 0 }
    }

    /// Runs until it is stopped.
    pub(crate) async fn run(mut self) {
        let archives = self.parts.archiver.is_some();
        tracing::info!(worker = %self.parts.worker.0, archives, "keeper started");
        self.tell_counted();
        while !*self.stop.borrow() {
            let next = self.turn().await;
            self.tell_counted();
            self.failures = if next == Next::Paused { self.failures.saturating_add(1) } else { 0 };
            self.wait(next).await;
        }
        tracing::info!(worker = %self.parts.worker.0, "keeper stopped");
    }

    async fn turn(&mut self) -> Next {
        self.status.send_modify(|status| status.last_failure = None);
        let next = match self.register().await {
            Ok(membership) => self.archive(membership).await.min(self.purge().await),
            // Whatever is dropped before the archive is a reader is in no archive.
            Err(error) => self.failed("the archive cannot join the readers", &error),
        };
        let next = match self.look_for_late_readers().await {
            Ok(()) => next,
            Err(error) => self.failed("the readers cannot be asked for", &error),
        };
        self.status.send_modify(|status| status.metrics.turns += 1);
        next
    }

    async fn register(&self) -> Result<Option<Membership>, Error> {
        match &self.parts.archiver {
            Some(archiver) => archiver.register().await.map(Some),
            None => Ok(None),
        }
    }

    /// Archives one segment.
    async fn archive(&self, membership: Option<Membership>) -> Next {
        let Some((archiver, membership)) = self.parts.archiver.as_ref().zip(membership) else {
            return Next::Later;
        };
        match archiver.step(membership).await {
            Ok(step) => {
                self.archived(&step);
                if step.is_full { Next::AtOnce } else { Next::Later }
            }
            Err(error) => {
                self.status.send_modify(|status| status.metrics.archive_failures += 1);
                self.failed("nothing can be archived: the log is held until it can", &error)
            }
        }
    }

    fn archived(&self, step: &Step) {
        if step.events > 0 {
            let Step { events, bytes, .. } = step;
            tracing::debug!(events, bytes, "a segment was archived");
        }
        self.status.send_modify(|status| {
            status.metrics.archive_segments += u64::from(step.events > 0);
            status.metrics.archive_events += step.events;
            status.metrics.archive_bytes += step.bytes;
            status.metrics.archive_fenced += step.lanes_lost;
        });
    }

    async fn purge(&self) -> Next {
        let purge = self.parts.keeping.purge(&self.parts.config.policy);
        match self.answered(purge).await {
            Ok(report) => self.purged(report),
            Err(error) => {
                self.status.send_modify(|status| status.metrics.purge_failures += 1);
                self.failed("the log cannot be purged", &error)
            }
        }
    }

    fn purged(&self, report: PurgeReport) -> Next {
        let now = self.parts.clock.now();
        let next = match &report.blocked_by {
            Some(PurgeBlock::Limit) if report.events_dropped > 0 => Next::AtOnce,
            Some(PurgeBlock::Locked) => Next::Paused,
            _ => Next::Later,
        };
        if report.events_dropped > 0 {
            tracing::info!(events = report.events_dropped, "the log was purged");
        }
        let before = self.status.borrow().held_up.clone();
        let block = report.blocked_by.clone();
        let held_up = HeldUp::after(block, before.as_ref(), now, self.parts.config.alarm_after);
        tell(before.as_ref(), held_up.as_ref());
        self.status.send_modify(|status| {
            let metrics = &mut status.metrics;
            metrics.purges += 1;
            metrics.events_dropped += report.events_dropped;
            metrics.purges_locked += u64::from(next == Next::Paused);
            metrics.held_up_seconds = held_up.as_ref().map_or(0, |held| held.age.as_secs());
            metrics.is_alarming = held_up.as_ref().is_some_and(|held| held.is_alarming);
            status.last_report = Some((now, report));
            status.held_up = held_up;
        });
        next
    }

    async fn look_for_late_readers(&self) -> Result<(), Error> {
        let readers = self.answered(self.parts.keeping.readers()).await?;
        let late = readers.into_iter().filter(|reader| reader.events_missed > 0);
        let late: Vec<_> =
            late.map(|r| LateReader { reader: r.name, events_missed: r.events_missed }).collect();
        let known = self.status.borrow().readers_late.clone();
        for LateReader { reader, events_missed } in late.iter().filter(|l| !known.contains(l)) {
            tracing::warn!(
                reader,
                events_missed,
                "the reader began when a part of the log was gone: it never sees that part, unless \
                 it is filled from an archive"
            );
        }
        self.status.send_if_modified(|status| {
            status.metrics.readers_late = u64::try_from(late.len()).unwrap_or(u64::MAX);
            let is_changed = status.readers_late != late;
            status.readers_late = late;
            is_changed
        });
        Ok(())
    }

    fn failed(&self, what: &'static str, error: &Error) -> Next {
        tracing::warn!(%error, "{what}");
        self.status.send_modify(|status| {
            status.metrics.failures += 1;
            status.last_failure = Some(format!("{what}: {error}"));
        });
        Next::Paused
    }

    /// Makes one call of the database.
    async fn answered<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let call_timeout = self.parts.config.call_timeout;
        timeout(call_timeout, call).await.unwrap_or_else(|_| {
            let message = format!("no answer within `call_timeout` = {call_timeout:?}");
            Err(Error::new(ErrorKind::Timeout, "keep the log", message))
        })
    }

    async fn wait(&mut self, next: Next) {
        let interval = self.parts.config.interval;
        let pause = match next {
            Next::AtOnce => Duration::ZERO,
            Next::Later => self.pauses.around(interval),
            Next::Paused => {
                self.pauses.after(self.failures, self.parts.config.backoff_min, interval)
            }
        };
        tokio::select! {
            // When the handle is gone, so is this task.
            _ = self.stop.changed() => {}
            () = sleep(pause) => {}
        }
    }
}

/// Says once when an alarm begins, and when it ends.
fn tell(before: Option<&HeldUp>, now: Option<&HeldUp>) {
    let alarm = |held: Option<&HeldUp>| {
        held.filter(|held| held.is_alarming).map(|held| (held.subject(), held.age))
    };
    match (alarm(before), alarm(now)) {
        (Some((by, _)), None) => tracing::info!(by, "the log is held no more"),
        (before, Some((by, age))) if before.as_ref().is_none_or(|(other, _)| *other != by) => {
            tracing::warn!(by, ?age, "the log is held, and grows: nothing more is dropped");
        }
        _ => {}
    }
}
