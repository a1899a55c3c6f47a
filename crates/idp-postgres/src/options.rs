//! How the store connects.

use idp_application::LaneCount;
use std::fmt;
use std::time::Duration;

/// Settings of a [`PgStore`](crate::PgStore).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PgOptions {
    /// The most connections at a time, within 1..=1000.
    pub connections_max: u32,
    /// How long a caller waits for a connection before it gets a time-out.
    pub checkout_timeout: Duration,
    /// How long the server works on one statement before it gives up; zero means forever.
    pub statement_timeout: Duration,
    /// The same for a purge, which counts what it drops: a few seconds for a million events. Both within
    /// 0..=24 days, which is what the server takes.
    pub purge_timeout: Duration,
    /// The number of lanes of the outbox; must be that with which the tables were made.
    pub lanes: LaneCount,
    /// How many positions one partition of the outbox has, within 10..=1_000_000_000. A purge drops
    /// whole partitions. A change holds for partitions that are made later.
    pub partition_size: u32,
    /// The schema in which the tables are; `None` for that of the user's search path.
    pub schema: Option<String>,
}

/// The server counts milliseconds in 31 bits.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 86_400);

impl Default for PgOptions {
    fn default() -> Self {
        Self {
            connections_max: 16,
            checkout_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            purge_timeout: Duration::from_secs(600),
            lanes: LaneCount::default(),
            partition_size: 1_000_000,
            schema: None,
        }
    }
}

impl PgOptions {
    /// All that is wrong with the settings.
    pub(crate) fn validate(&self) -> Result<(), InvalidPgOptions> {
        let mut faults = Vec::new();
        if !(1..=1000).contains(&self.connections_max) {
            let given = self.connections_max;
            faults.push(format!("PgOptions.connections_max must be 1..=1000, got {given}"));
        }
        if self.checkout_timeout.is_zero() {
            faults.push("PgOptions.checkout_timeout must be above zero, got 0s".into());
        }
        let timeouts =
            [("statement_timeout", self.statement_timeout), ("purge_timeout", self.purge_timeout)];
        for (field, given) in timeouts.into_iter().filter(|(_, given)| *given > TIMEOUT_MAX) {
            faults.push(format!("PgOptions.{field} must be 0s..={TIMEOUT_MAX:?}, got {given:?}"));
        }
        if !(10..=1_000_000_000).contains(&self.partition_size) {
            let given = self.partition_size;
            faults
                .push(format!("PgOptions.partition_size must be 10..=1_000_000_000, got {given}"));
        }
        let well_formed = |schema: &String| {
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            !schema.is_empty() && schema.len() <= 63 && schema.chars().all(allowed)
        };
        if let Some(schema) = self.schema.as_ref().filter(|schema| !well_formed(schema)) {
            faults.push(format!(
                "PgOptions.schema must be 1 to 63 characters of a-z, 0-9 and _, got {schema:?}"
            ));
        }
        if faults.is_empty() { Ok(()) } else { Err(InvalidPgOptions(faults)) }
    }
}

/// Settings that cannot be used, every fault named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPgOptions(Vec<String>);

impl fmt::Display for InvalidPgOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for InvalidPgOptions {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_with_its_bound() {
        let options = PgOptions {
            connections_max: 0,
            checkout_timeout: Duration::ZERO,
            partition_size: 9,
            purge_timeout: Duration::MAX,
            schema: Some("A b".into()),
            ..PgOptions::default()
        };
        let text = options.validate().expect_err("five faults").to_string();
        assert!(text.contains("purge_timeout must be 0s..=2073600s, got"), "{text}");
        assert!(text.contains("connections_max must be 1..=1000, got 0"), "{text}");
        assert!(text.contains("checkout_timeout"), "{text}");
        assert!(text.contains("partition_size must be 10..=1_000_000_000, got 9"), "{text}");
        assert!(text.contains("\"A b\""), "{text}");
        assert_eq!(PgOptions::default().validate(), Ok(()));
    }
}
