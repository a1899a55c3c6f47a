//! What `cargo xtask servers` is asked for: kinds of servers, and the command that needs them.

use super::KINDS;
use super::kind::Kind;
use crate::outcome::Outcome;

pub(crate) struct Request<'a> {
    pub(crate) kinds: Vec<&'static Kind>,
    /// Whether the servers must be ours, whatever the environment names: the program may kill them
    /// and start them again.
    pub(crate) are_own: bool,
    /// The program and its arguments; without them the servers are kept running.
    pub(crate) words: &'a [String],
}

impl<'a> Request<'a> {
    pub(crate) fn parse(args: &'a [String]) -> Outcome<Self> {
        let (options, words) = match args.iter().position(|arg| arg == "--") {
            Some(at) => (&args[..at], &args[at + 1..]),
            None => (args, &args[args.len()..]),
        };
        let (are_own, options) = match options {
            [first, others @ ..] if first == "--own" => (true, others),
            _ => (false, options),
        };
        let kinds = match options {
            [] => KINDS.to_vec(),
            [only, names] if only == "--only" => kinds(names)?,
            [option] if option.starts_with("--only=") => kinds(&option["--only=".len()..])?,
            _ => return Err(usage()),
        };
        Ok(Request { kinds, are_own, words })
    }
}

/// In the order of the table, each once.
fn kinds(names: &str) -> Outcome<Vec<&'static Kind>> {
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let is_unknown = |name: &&&str| !KINDS.iter().any(|kind| kind.name == **name);
    if let Some(unknown) = names.iter().find(is_unknown) {
        return Err(format!("there is no server `{unknown}`\n{}", usage()));
    }
    Ok(KINDS.into_iter().filter(|kind| names.contains(&kind.name)).collect())
}

fn usage() -> String {
    let names = KINDS.map(|kind| kind.name).join(",");
    format!("usage: cargo xtask servers [--own] [--only {names}] [-- CMD...]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Outcome<(Vec<&'static str>, Vec<String>)> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let request = Request::parse(&args)?;
        Ok((request.kinds.iter().map(|kind| kind.name).collect(), request.words.to_vec()))
    }

    #[test]
    fn words_after_the_dashes_are_the_command() {
        let (kinds, words) = parsed("--only nats,pg -- env --only x").expect("it is well-formed");
        assert_eq!(kinds, ["pg", "nats"]);
        assert_eq!(words, ["env", "--only", "x"]);
        assert_eq!(parsed("--only=redis").expect("it is well-formed").0, ["redis"]);
    }

    #[test]
    fn own_servers_are_asked_for_first() {
        let args: Vec<String> = ["--own", "--only", "pg", "--", "x"].map(str::to_owned).to_vec();
        let request = Request::parse(&args).expect("it is well-formed");
        assert!(request.are_own);
        assert_eq!(request.kinds.len(), 1);
        assert!(parsed("--only pg --own -- x").is_err());
    }

    #[test]
    fn without_names_all_servers_are_meant() {
        let (kinds, words) = parsed("-- env").expect("it is well-formed");
        assert_eq!(kinds, KINDS.map(|kind| kind.name));
        assert_eq!(words, ["env"]);
    }

    #[test]
    fn unknown_servers_and_options_are_refused_with_the_names() {
        assert!(parsed("--only oracle").expect_err("unknown").contains("no server `oracle`"));
        assert!(parsed("--onyl pg -- env").expect_err("a typo").contains("pg,redis,nats"));
        assert!(parsed("env").expect_err("the dashes are missing").contains("[-- CMD...]"));
    }
}
