//! What can be chosen.

use idp_application::{Error, ErrorKind, out_of_bounds};
use std::time::Duration;

/// Settings of a [`PgCdc`](crate::PgCdc), which checks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdcConfig {
    /// The schema in which the tables of idp are; `None` for that of the user's search path.
    pub schema: Option<String>,
    /// How many bytes of write-ahead log the server may have to keep for the stream. When it keeps
    /// more, the watch ends, and its slot with it.
    pub retained_bytes_max: u64,
    /// How often that is looked at, and the connection tried.
    pub guard_interval: Duration,
    /// How long the server may take to make the slot, within 10 ms and 60 s. It waits for all transactions that run,
    /// and goes on to wait when its client has given up; so this should be shorter than the ladder waits.
    pub begin_timeout: Duration,
}

impl Default for CdcConfig {
    fn default() -> Self {
        Self {
            schema: None,
            retained_bytes_max: 256 * 1024 * 1024,
            guard_interval: Duration::from_secs(5),
            begin_timeout: Duration::from_secs(5),
        }
    }
}

impl CdcConfig {
    /// All that is wrong with the settings, in one error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        let intervals = Duration::from_millis(10)..=Duration::from_secs(60);
        faults.extend(out_of_bounds("guard_interval", self.guard_interval, &intervals));
        faults.extend(out_of_bounds("begin_timeout", self.begin_timeout, &intervals));
        if self.retained_bytes_max == 0 {
            faults.push("`retained_bytes_max` must be at least 1, got 0".to_owned());
        }
        let is_name = |schema: &String| {
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            (1..=63).contains(&schema.len()) && schema.chars().all(allowed)
        };
        if let Some(schema) = self.schema.as_ref().filter(|schema| !is_name(schema)) {
            faults.push(format!("`schema` must be 1 to 63 of a-z, 0-9 and _, got {schema:?}"));
        }
        if faults.is_empty() {
            return Ok(());
        }
        let message = faults.join("; ");
        Err(Error::new(ErrorKind::Invalid, "configure change data capture", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_reported_at_once() {
        let config = CdcConfig {
            schema: Some("A b".into()),
            retained_bytes_max: 0,
            guard_interval: Duration::ZERO,
            begin_timeout: Duration::from_secs(61),
        };
        let error = config.check().expect_err("four faults");
        let intervals =
            ["`guard_interval` must be", "`begin_timeout` must be within 10ms..=60s, got 61s"];
        for part in intervals {
            assert!(error.message().contains(part), "{error}");
        }
        for part in ["`retained_bytes_max` must be", "got \"A b\""] {
            assert!(error.message().contains(part), "{error}");
        }
        assert!(CdcConfig::default().check().is_ok());
    }
}
