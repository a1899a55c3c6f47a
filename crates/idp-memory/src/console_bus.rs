//! A bus that writes one line a message, for people to read or for tools to filter.

mod json_line;

use idp_application::{BoxFuture, BusGuarantees, Duplicates, EventBus, Message, PublishError};
use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// Writes each message as one line: time, tenant, type of the event, aggregate, version, sequence.
///
/// ```text
/// 2026-01-31T08:00:00.000000Z acme route_plan.dispatched route_plan/0190…c0de v3 #12
/// ```
pub struct ConsoleBus {
    writer: Mutex<Box<dyn Write + Send>>,
    write_line: fn(&mut dyn Write, &Message) -> io::Result<()>,
}

impl ConsoleBus {
    /// Writes to the standard output.
    pub fn stdout() -> Self {
        Self::to(io::stdout())
    }

    /// Writes to that writer, which is flushed after each batch.
    pub fn to(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Mutex::new(Box::new(writer)), write_line: write_summary }
    }

    /// Writes each message whole, as a CloudEvent in the JSON format; the topic is the extension
    /// attribute `topic`. Data that is no JSON is in `data_base64`. A line break in JSON, which can
    /// stand between its tokens only, becomes a space.
    pub fn with_json_lines(mut self) -> Self {
        self.write_line = json_line::write;
        self
    }
}

impl fmt::Debug for ConsoleBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleBus").finish_non_exhaustive()
    }
}

impl EventBus for ConsoleBus {
    fn system(&self) -> &'static str {
        "console"
    }

    fn guarantees(&self) -> BusGuarantees {
        let duplicates = Duplicates::Possible;
        BusGuarantees { duplicates, fences_zombies: false, data_bytes_max: None }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            // A writer that panicked in the middle of a line is no reason to be silent ever after.
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            for (accepted, message) in messages.iter().enumerate() {
                (self.write_line)(&mut **writer, message)
                    .map_err(|error| failed(accepted, error))?;
            }
            writer.flush().map_err(|error| failed(0, error))
        })
    }
}

fn write_summary(writer: &mut dyn Write, message: &Message) -> io::Result<()> {
    let event = &message.event;
    writeln!(
        writer,
        "{} {} {} {}/{} v{} #{}",
        event.time,
        event.tenant,
        event.event_type,
        event.aggregate_type,
        event.aggregate_id,
        event.aggregate_version,
        message.sequence,
    )
}

fn failed(accepted: usize, error: io::Error) -> PublishError {
    PublishError::unavailable(accepted, "the console cannot be written to").with_source(error)
}
