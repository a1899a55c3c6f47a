//! How events are archived, and what of it can be chosen.

use super::payloads::ArchivedPayloads;
use crate::config::{DAY, MILLISECOND, checked};
use idp_application::{Error, Reader, out_of_bounds};
use std::time::Duration;

/// The configuration of an archive: [`clear_text`](Self::clear_text) or [`encrypted`](Self::encrypted),
/// with changes. [`Keeper::archiving`](crate::Keeper::archiving) checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveConfig {
    /// The name of the reader that the archive is. It must be the same in every process, and never
    /// change: a reader of another name would begin where the log then begins.
    pub reader: String,
    /// A segment is closed when its events have that many bytes before they are compressed; it is
    /// longer by at most one `batch_size` of events. It is held in memory until it is written.
    pub segment_bytes_max: u64,
    /// How many events are read at once.
    pub batch_size: u32,
    /// How long the lanes are leased, unless renewed, which happens three times in that time.
    pub lease_ttl: Duration,
    /// Which payloads it takes.
    pub payloads: ArchivedPayloads,
}

impl ArchiveConfig {
    /// The usual configuration of an archive that takes payloads as the log gives them, in clear too.
    pub fn clear_text() -> Self {
        Self::usual(ArchivedPayloads::ClearText)
    }

    /// The usual configuration of an archive that takes encrypted payloads only: of a log that holds
    /// them so, or of one behind a wrapper that encrypts what is read, such as `idp_privacy::EncryptingLog`.
    pub fn encrypted() -> Self {
        Self::usual(ArchivedPayloads::Encrypted)
    }

    fn usual(payloads: ArchivedPayloads) -> Self {
        Self {
            reader: "archive".into(),
            segment_bytes_max: 32 << 20,
            batch_size: 500,
            lease_ttl: Duration::from_secs(60),
            payloads,
        }
    }

    /// All that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults: Vec<String> =
            Reader::name_fault("reader", &self.reader).into_iter().collect();
        let bytes = self.segment_bytes_max;
        faults.extend(out_of_bounds("segment_bytes_max", bytes, &(1..=1 << 30)));
        faults.extend(out_of_bounds("batch_size", self.batch_size, &(1..=10_000)));
        let ttl = MILLISECOND * 100..=DAY;
        faults.extend(out_of_bounds("lease_ttl", self.lease_ttl, &ttl));
        checked("configure the archive", &faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        assert!(ArchiveConfig::clear_text().check().is_ok());
        let config = ArchiveConfig {
            reader: String::new(),
            segment_bytes_max: 0,
            batch_size: 0,
            lease_ttl: Duration::ZERO,
            payloads: ArchivedPayloads::Encrypted,
        };
        let error = config.check().expect_err("four faults");
        let expected = "`reader` must be 1 to 64 letters, digits, `.`, `_` and `-`, the first of \
                        them a letter or digit, got \"\"; \
                        `segment_bytes_max` must be within 1..=1073741824, got 0; \
                        `batch_size` must be within 1..=10000, got 0; \
                        `lease_ttl` must be within 100ms..=86400s, got 0ns";
        assert_eq!(error.message(), expected);
    }
}
