//! What the command line asks for.

use crate::BoxError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// How often each cell is measured.
    pub(crate) rounds: usize,
    /// A tenth of the operations.
    pub(crate) quick: bool,
    /// Words that the title of a cell must have.
    pub(crate) only: Vec<String>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, BoxError> {
        let mut options = Self { rounds: 0, quick: false, only: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value"));
            match *word {
                "--rounds" => {
                    let rounds = value()?;
                    let parsed = rounds.parse().ok().filter(|rounds| *rounds > 0);
                    options.rounds = parsed.ok_or_else(|| {
                        format!("`--rounds` must be a number above zero, got `{rounds}`")
                    })?;
                }
                "--quick" => options.quick = true,
                "--only" => options.only.push(value()?.to_lowercase()),
                unknown => return Err(format!("there is no option `{unknown}`").into()),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 1 } else { 9 };
        }
        Ok(options)
    }

    /// Whether a cell of that title is asked for.
    pub(crate) fn wants(&self, title: &str) -> bool {
        let title = title.to_lowercase();
        self.only.iter().all(|word| title.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_run_has_one_round_unless_told() {
        let rounds = |words: &[&str]| Options::parse(words).expect("valid").rounds;
        assert_eq!(rounds(&[]), 9);
        assert_eq!(rounds(&["--quick"]), 1);
        assert_eq!(rounds(&["--rounds", "3", "--quick"]), 3);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for words in [&["--rounds", "0"][..], &["--rounds"], &["--slow"]] {
            let error = Options::parse(words).expect_err("nonsense").to_string();
            assert!(error.contains(words[0]), "{error}");
        }
    }

    #[test]
    fn every_word_narrows_the_cells_down() {
        let options = Options::parse(&["--only", "sqlite", "--only", "create"]).expect("valid");
        assert!(options.wants("SQLite, create, 8 tasks, idp"));
        assert!(!options.wants("SQLite, dispatch, 8 tasks, idp"));
    }
}
