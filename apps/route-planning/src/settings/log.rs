//! How the log of events is kept small: `log.*`.

use idp::settings::{Anything, Source};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How long events are kept, and where they go then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// `log.keep_for`: events that everybody has read are dropped when they are so old. `None` (`off`):
    /// none ever is.
    pub keep_for: Option<Duration>,
    /// `log.archive`: the folder into which every event is written before it is dropped. `None`: what is
    /// dropped is gone.
    pub archive: Option<PathBuf>,
    /// `log.interval`: how often to look.
    pub interval: Duration,
}

const OFF: &str = "off";

pub(super) fn log(source: &mut Source) -> LogSettings {
    let seconds = Duration::from_secs;
    let given = source.find::<String>("log.keep_for", Anything);
    let keep_for = match given.as_deref() {
        None | Some(OFF) => None,
        Some(_) => source.find("log.keep_for", seconds(1)..=seconds(3_650 * 24 * 3_600)),
    };
    let archive = source.find::<PathBuf>("log.archive", Anything);
    if archive.is_some() && given.is_none() {
        let message = "events are archived when they are dropped: set log.keep_for, too";
        source.refuse("log.archive", message);
    }
    let interval = source.get("log.interval", seconds(1)..=seconds(3_600), seconds(60));
    LogSettings { keep_for, archive, interval }
}

impl fmt::Display for LogSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.keep_for, &self.archive) {
            (None, _) => f.write_str("kept for ever"),
            (Some(age), None) => write!(f, "dropped after {}", Age(age)),
            (Some(age), Some(folder)) => {
                write!(f, "dropped after {}, and archived in {} before", Age(age), folder.display())
            }
        }
    }
}

/// A duration in its largest whole unit, as settings have it.
struct Age(Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
        let (unit, length) = units
            .into_iter()
            .find(|(_, length)| millis.is_multiple_of(*length))
            .unwrap_or(("ms", 1));
        write!(f, "{}{unit}", millis / length)
    }
}
