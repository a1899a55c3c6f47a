//! How the store opens its file.

use idp_application::LaneCount;
use std::fmt;
use std::time::Duration;

/// What a commit survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A loss of power: each commit waits until it is on the disk (`synchronous = FULL`). Units of
    /// work that commit at the same time share the wait.
    #[default]
    Full,
    /// The end of the process, however it ends, but the last commits may be gone after a loss of
    /// power (`synchronous = NORMAL`). An event that was published already may be one of those.
    Normal,
}

impl Durability {
    /// The value of `PRAGMA synchronous`.
    pub(crate) fn synchronous(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
        }
    }
}

/// Settings of a [`SqliteStore`](crate::SqliteStore).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The number of lanes of the outbox; must be that with which the tables were made.
    pub lanes: LaneCount,
    /// How many connections read at the same time, within 1..=64.
    pub readers: u32,
    /// The most units of work that one transaction commits together, within 1..=1024; 1 turns
    /// group commit off.
    pub group_max: u32,
    /// What a commit survives.
    pub durability: Durability,
    /// How long to wait while another process writes, within 1 ms..=60 s. Then the caller gets a
    /// time-out.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            lanes: LaneCount::default(),
            readers: 2,
            group_max: 64,
            durability: Durability::default(),
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl SqliteOptions {
    const READERS_MAX: u32 = 64;
    const GROUP_MAX_MAX: u32 = 1024;
    const BUSY_TIMEOUT_MIN: Duration = Duration::from_millis(1);
    const BUSY_TIMEOUT_MAX: Duration = Duration::from_secs(60);

    /// All that is wrong with the settings.
    pub(crate) fn validate(&self) -> Result<(), InvalidSqliteOptions> {
        let mut faults = Vec::new();
        let Self { readers, group_max, busy_timeout, .. } = self;
        if !(1..=Self::READERS_MAX).contains(readers) {
            let bound = Self::READERS_MAX;
            faults.push(format!("SqliteOptions.readers must be 1..={bound}, got {readers}"));
        }
        if !(1..=Self::GROUP_MAX_MAX).contains(group_max) {
            let bound = Self::GROUP_MAX_MAX;
            faults.push(format!("SqliteOptions.group_max must be 1..={bound}, got {group_max}"));
        }
        if !(Self::BUSY_TIMEOUT_MIN..=Self::BUSY_TIMEOUT_MAX).contains(busy_timeout) {
            let (min, max) = (Self::BUSY_TIMEOUT_MIN, Self::BUSY_TIMEOUT_MAX);
            faults.push(format!(
                "SqliteOptions.busy_timeout must be {min:?}..={max:?}, got {busy_timeout:?}"
            ));
        }
        if faults.is_empty() { Ok(()) } else { Err(InvalidSqliteOptions(faults)) }
    }
}

/// Settings that cannot be used, every fault named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSqliteOptions(Vec<String>);

impl fmt::Display for InvalidSqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for InvalidSqliteOptions {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_with_its_bound() {
        let options = SqliteOptions {
            readers: 0,
            group_max: 1025,
            busy_timeout: Duration::ZERO,
            ..SqliteOptions::default()
        };
        let text = options.validate().expect_err("three faults").to_string();
        assert!(text.contains("readers must be 1..=64, got 0"), "{text}");
        assert!(text.contains("group_max must be 1..=1024, got 1025"), "{text}");
        assert!(text.contains("busy_timeout must be 1ms..=60s, got 0ns"), "{text}");
    }

    #[test]
    fn the_defaults_and_the_bounds_themselves_are_valid() {
        assert_eq!(SqliteOptions::default().validate(), Ok(()));
        let smallest = SqliteOptions {
            readers: 1,
            group_max: 1,
            busy_timeout: Duration::from_millis(1),
            ..SqliteOptions::default()
        };
        assert_eq!(smallest.validate(), Ok(()));
    }
}
