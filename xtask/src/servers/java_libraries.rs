//! What the tests that run programs in Java are given: a Java that compiles, and libraries of Maven
//! Central.

use std::path::PathBuf;

use super::maven::{self, Coordinates};
use super::patience::Patience;
use super::{java, needs};
use crate::outcome::Outcome;

/// The package whose tests run programs in Java.
const PACKAGE: &str = "interop";

const JAVA: &str = "IDP_TEST_JAVA";

/// Variables that name a folder of jars, and what must be in it.
const LIBRARIES: [(&str, &[Coordinates]); 2] = [
    (
        "IDP_TEST_DEBEZIUM",
        &[
            ("io.debezium", "debezium-embedded", "3.2.7.Final"),
            ("io.debezium", "debezium-connector-postgres", "3.2.7.Final"),
            ("org.slf4j", "slf4j-simple", "1.7.36"),
        ],
    ),
    ("IDP_TEST_JOSE", &[("com.nimbusds", "nimbus-jose-jwt", "10.5")]),
];

/// For the tests of these packages, as [`needs::of`] takes them.
pub(crate) fn variables(packages: &[&str]) -> Outcome<Vec<(&'static str, PathBuf)>> {
    if needs::means(packages, PACKAGE) { all() } else { Ok(Vec::new()) }
}

/// Those that the environment names, and fetched ones for the others.
pub(super) fn all() -> Outcome<Vec<(&'static str, PathBuf)>> {
    let patience = Patience::default();
    let mut variables = vec![(JAVA, given_or(JAVA, || java::with_compiler(&patience))?)];
    for (variable, artifacts) in LIBRARIES {
        let folder = given_or(variable, || maven::jars(artifacts, &patience))?;
        variables.push((variable, folder));
    }
    Ok(variables)
}

fn given_or(variable: &str, find: impl FnOnce() -> Outcome<PathBuf>) -> Outcome<PathBuf> {
    let given = std::env::var_os(variable).filter(|value| !value.is_empty());
    given.map(PathBuf::from).map_or_else(find, Ok)
}
