//! What the command line asks for.

use super::writers;
use crate::BoxError;
use std::time::Duration;

pub(crate) struct Options {
    pub(crate) backlogs: Vec<u64>,
    pub(crate) workers: Vec<u16>,
    /// The largest backlog that is also drained from SQLite.
    pub(crate) sqlite_max: u64,
    pub(crate) writers: writers::Size,
    /// How many events one tenant leaves, and how often they are drained.
    pub(crate) flood: (u64, usize),
    /// How long is written for the backlog that was followed, and how often it is drained.
    pub(crate) followed: (Duration, usize),
    /// Words that the title of a measurement must have.
    only: Vec<String>,
    is_quick: bool,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, BoxError> {
        let mut options = Self::usual();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value"));
            match *word {
                "--quick" => options = Self { only: options.only, ..Self::quick() },
                "--long" => options.backlogs.push(10_000_000),
                "--events" => options.backlogs = vec![value()?.parse()?],
                "--only" => options.only.push(value()?.to_lowercase()),
                unknown => return Err(format!("there is no option `{unknown}`").into()),
            }
        }
        Ok(options)
    }

    /// Whether a measurement of that title is asked for.
    pub(crate) fn wants(&self, title: &str) -> bool {
        let title = title.to_lowercase();
        self.only.iter().all(|word| title.contains(word))
    }

    fn usual() -> Self {
        let lasts = Duration::from_secs(5);
        Self {
            backlogs: vec![10_000, 100_000, 1_000_000],
            workers: vec![1, 4],
            sqlite_max: 1_000_000,
            writers: writers::Size { backlog: 1_000_000, rounds: 3, lasts },
            flood: (1_000_000, 3),
            followed: (Duration::from_secs(40), 3),
            only: Vec::new(),
            is_quick: false,
        }
    }

    fn quick() -> Self {
        let lasts = Duration::from_millis(500);
        Self {
            backlogs: vec![2_000, 10_000],
            writers: writers::Size { backlog: 50_000, rounds: 1, lasts },
            flood: (20_000, 1),
            followed: (lasts, 1),
            is_quick: true,
            ..Self::usual()
        }
    }

    /// How often a backlog is drained by each: small ones take no time, and vary more.
    pub(crate) fn rounds(&self, backlog: u64) -> usize {
        match backlog {
            _ if self.is_quick => 1,
            0..=10_000 => 5,
            10_001..=100_000 => 3,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_one_backlog_more_and_nonsense_is_refused() {
        let backlogs = |words: &[&str]| Options::parse(words).expect("valid").backlogs;
        assert_eq!(backlogs(&["--long"]).len(), backlogs(&[]).len() + 1);
        assert!(Options::parse(&["--short"]).is_err());
        let only = Options::parse(&["--only", "SQLite", "--quick"]).expect("valid");
        assert!(only.wants("SQLite, idp") && !only.wants("PostgreSQL, idp"));
    }
}
