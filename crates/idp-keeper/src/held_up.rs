//! What holds the log, and for how long.

use idp_application::PurgeBlock;
use idp_domain::Timestamp;
use std::time::Duration;

/// Something holds the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldUp {
    /// What.
    pub by: PurgeBlock,
    /// Since when: of a reader, since the oldest event that it has not passed is there; of a hold,
    /// since it stands; of everything else, since this keeper has met it without interruption.
    pub since: Timestamp,
    /// For how long that is, as of the last purge.
    pub age: Duration,
    /// Whether that is longer than [`alarm_after`](crate::KeeperConfig::alarm_after). Alarm on it.
    pub is_alarming: bool,
}

impl HeldUp {
    /// What to tell of a purge that was blocked like that; `None` when it is the configuration that
    /// keeps the rest, or nothing does.
    pub(crate) fn after(
        block: Option<PurgeBlock>,
        before: Option<&Self>,
        now: Timestamp,
        alarm_after: Duration,
    ) -> Option<Self> {
        let by = block.filter(|by| !matches!(by, PurgeBlock::Policy | PurgeBlock::Limit))?;
        let met = before.filter(|before| subject(&before.by) == subject(&by));
        let since = told(&by).unwrap_or_else(|| met.map_or(now, |before| before.since));
        let micros = now.unix_micros().saturating_sub(since.unix_micros());
        let age = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
        Some(Self { by, since, age, is_alarming: age > alarm_after })
    }

    /// In a few words, for logs.
    pub(crate) fn subject(&self) -> String {
        let (what, name) = subject(&self.by);
        if name.is_empty() { what.to_owned() } else { format!("{what} `{name}`") }
    }
}

fn told(by: &PurgeBlock) -> Option<Timestamp> {
    match by {
        PurgeBlock::Reader(reader) => reader.since,
        PurgeBlock::Hold(hold) => Some(hold.since),
        _ => None,
    }
}

fn subject(by: &PurgeBlock) -> (&'static str, &str) {
    match by {
        PurgeBlock::NoReader => ("no reader", ""),
        PurgeBlock::Reader(reader) => ("reader", &reader.reader),
        PurgeBlock::Hold(hold) => ("hold", &hold.name),
        PurgeBlock::Policy => ("policy", ""),
        PurgeBlock::Limit => ("limit", ""),
        PurgeBlock::Locked => ("lock", ""),
        PurgeBlock::LateCommit => ("late commit", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::{Cursor, LogHold};

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_unix_micros(minutes * 60_000_000)
    }

    fn after(block: PurgeBlock, before: Option<&HeldUp>, minutes: i64) -> Option<HeldUp> {
        HeldUp::after(Some(block), before, at(minutes), HOUR)
    }

    #[test]
    fn what_does_not_say_since_when_is_dated_from_when_it_was_first_met() {
        let first = after(PurgeBlock::LateCommit, None, 10).expect("it holds");
        assert_eq!((first.since, first.is_alarming), (at(10), false));
        let later = after(PurgeBlock::LateCommit, Some(&first), 71).expect("it holds");
        assert_eq!((later.since, later.is_alarming), (at(10), true));
        let other = after(PurgeBlock::NoReader, Some(&later), 72).expect("it holds");
        assert_eq!((other.since, other.is_alarming), (at(72), false));
    }

    #[test]
    fn a_hold_is_as_old_as_it_says() {
        let hold = LogHold { name: "audit".into(), from: Cursor::default(), since: at(0) };
        let held = after(PurgeBlock::Hold(hold), None, 61).expect("it holds");
        assert_eq!((held.age, held.is_alarming), (Duration::from_secs(3_660), true));
        assert_eq!(held.subject(), "hold `audit`");
    }

    #[test]
    fn what_the_configuration_keeps_is_no_matter() {
        assert_eq!(after(PurgeBlock::Policy, None, 1), None);
        assert_eq!(after(PurgeBlock::Limit, None, 1), None);
        assert_eq!(HeldUp::after(None, None, at(1), HOUR), None);
    }
}
