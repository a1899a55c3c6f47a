//! Words that must not be in shipped code, each with its way out: unfinished code, the wall clock,
//! SQL outside the stores, waiting in the domain.

use super::Project;
use super::fault::Fault;
use super::items::words;
use super::source::SourceFile;

struct Ban {
    /// Any of these.
    texts: &'static [&'static str],
    applies: fn(path: &str) -> bool,
    advice: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        texts: &["todo!(", "unimplemented!(", "dbg!("],
        applies: |_| true,
        advice: "finish it: unfinished code and debugging output do not ship",
    },
    Ban {
        texts: &[".unwrap()"],
        applies: |_| true,
        advice: "return an error, or use `expect` with the invariant that makes it impossible",
    },
    Ban {
        texts: &["println!("],
        applies: |path| !may_print(path),
        advice: "a library does not print: return it, or use `tracing`",
    },
    Ban {
        texts: &["SystemTime::now", "Timestamp::now", "Utc::now", "Zoned::now"],
        applies: |path| !path.ends_with("/clock.rs"),
        advice: "take the time from the `Clock` of the context; only clock.rs reads it",
    },
];

const SQL: Ban = Ban {
    texts: &["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE "],
    applies: |path| !SQL_STORES.iter().any(|store| path.starts_with(store)),
    advice: "only the SQL stores contain SQL; reach the data through a port",
};

const SQL_STORES: [&str; 4] =
    ["crates/idp-sql/", "crates/idp-postgres/", "crates/idp-postgres-cdc/", "crates/idp-sqlite/"];

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    project.tree.sources().filter(|source| is_library(&source.path)).flat_map(file).collect()
}

fn file(source: &SourceFile) -> Vec<Fault> {
    let code = source.production();
    let mut faults: Vec<Fault> = BANS.iter().flat_map(|ban| hits(source, &code, ban)).collect();
    faults.extend(hits(source, &source.production_with_literals(), &SQL));
    faults.extend(waiting_in_the_domain(source));
    faults
}

fn hits(source: &SourceFile, text: &str, ban: &Ban) -> Vec<Fault> {
    let texts = ban.texts.iter().filter(|_| (ban.applies)(&source.path));
    texts
        .flat_map(|banned| text.match_indices(banned))
        .map(|(at, banned)| {
            Fault::at(&source.path, source.line_of(at), format!("`{banned}`: {}", ban.advice))
        })
        .collect()
}

/// The domain is pure: it cannot await, so it cannot do input or output behind the back of a use
/// case.
fn waiting_in_the_domain(source: &SourceFile) -> impl Iterator<Item = Fault> {
    let keywords = ["async", "await"].into_iter().filter(|_| is_domain(&source.path));
    keywords.flat_map(|keyword| words(&source.code, keyword)).map(|at| {
        let advice = "the domain is pure and never waits; load before, and pass values in";
        Fault::at(&source.path, source.line_of(at), advice)
    })
}

fn is_library(path: &str) -> bool {
    path.contains("/src/") && (path.starts_with("crates/") || path.starts_with("apps/"))
}

fn is_domain(path: &str) -> bool {
    path.starts_with("crates/idp-domain/")
        || (path.starts_with("apps/") && path.contains("/domain/"))
}

/// Programs, and the conformance suite, which says why it skips a clause.
fn may_print(path: &str) -> bool {
    path.ends_with("/src/main.rs")
        || path.contains("/src/bin/")
        || path.starts_with("crates/idp-conformance/")
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    fn faults(path: &'static str, text: &str) -> usize {
        super::check(&Project::of([(path, text)])).len()
    }

    #[test]
    fn unfinished_code_and_unwrap_are_refused_in_libraries() {
        assert_eq!(faults("crates/a/src/a.rs", "fn a() { todo!() }"), 1);
        assert_eq!(faults("crates/a/src/a.rs", "fn a() { b().unwrap(); println!() }"), 2);
        assert_eq!(faults("apps/x/src/a.rs", "fn a() { dbg!(1) }"), 1);
    }

    #[test]
    fn tests_comments_and_literals_may_contain_anything() {
        assert_eq!(faults("crates/a/src/a.rs", "/// a.unwrap()\nfn a() { \"todo!()\" }"), 0);
        assert_eq!(
            faults("crates/a/src/a.rs", "#[cfg(test)] mod tests { fn a() { b().unwrap() } }"),
            0
        );
        assert_eq!(faults("crates/a/tests/a.rs", "fn a() { b().unwrap() }"), 0);
    }

    #[test]
    fn only_the_clock_reads_the_time() {
        let text = "fn now() { SystemTime::now() }";
        assert_eq!(faults("crates/idp-application/src/clock.rs", text), 0);
        assert_eq!(faults("crates/idp-application/src/context.rs", text), 1);
    }

    #[test]
    fn only_the_sql_stores_contain_sql() {
        let text = "const Q: &str = \"SELECT 1\";";
        assert_eq!(faults("crates/idp-postgres/src/outbox.rs", text), 0);
        assert_eq!(faults("crates/idp-relay/src/relay.rs", text), 1);
        assert_eq!(faults("apps/x/src/read.rs", text), 1);
    }

    #[test]
    fn the_domain_never_waits() {
        let text = "async fn a() { b().await }";
        assert_eq!(faults("crates/idp-domain/src/a.rs", text), 2);
        assert_eq!(faults("apps/route-planning/domain/src/a.rs", text), 2);
        assert_eq!(faults("crates/idp-application/src/a.rs", text), 0);
    }
}
