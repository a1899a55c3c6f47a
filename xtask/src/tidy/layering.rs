//! The direction of dependencies between our packages: the table of ARCHITECTURE.md, held against
//! cargo's manifests.

use super::Project;
use super::fault::Fault;
use crate::workspace::{Dependency, Package, Workspace};

const ANYTHING: &str = "*";
const APPLICATION: [&str; 2] = ["idp-application", "idp-domain"];
const BUS: [&str; 3] = ["idp-application", "idp-domain", "idp-errand"];
const SQL_STORE: [&str; 3] = ["idp-application", "idp-domain", "idp-sql"];

/// Each package, and which of our packages it may build on.
const LAYERS: &[(&str, &[&str])] = &[
    ("idp-macros", &[]),
    ("idp-domain", &["idp-macros"]),
    ("idp-application", &["idp-domain"]),
    ("idp-sql", &APPLICATION),
    ("idp-errand", &[]),
    ("idp-memory", &APPLICATION),
    ("idp-postgres", &SQL_STORE),
    ("idp-sqlite", &SQL_STORE),
    ("idp-postgres-cdc", &["idp-application"]),
    ("idp-rabbitmq", &BUS),
    ("idp-kafka", &BUS),
    ("idp-relay", &APPLICATION),
    ("idp-keeper", &APPLICATION),
    ("idp-projection", &APPLICATION),
    ("idp-http", &APPLICATION),
    ("idp-settings", &APPLICATION),
    ("idp-telemetry", &APPLICATION),
    ("idp-privacy", &APPLICATION),
    ("idp-fanout", &BUS),
    ("idp-nats", &BUS),
    ("idp-redis", &BUS),
    ("idp-pulsar", &BUS),
    ("idp-webhook", &BUS),
    ("idp-conformance", &APPLICATION),
    (
        "idp-testkit",
        &["idp-application", "idp-domain", "idp-memory", "idp-projection", "idp-relay"],
    ),
    (
        "idp",
        &[
            "idp-application",
            "idp-domain",
            "idp-fanout",
            "idp-http",
            "idp-kafka",
            "idp-keeper",
            "idp-memory",
            "idp-nats",
            "idp-postgres",
            "idp-postgres-cdc",
            "idp-privacy",
            "idp-projection",
            "idp-pulsar",
            "idp-rabbitmq",
            "idp-redis",
            "idp-relay",
            "idp-settings",
            "idp-sqlite",
            "idp-telemetry",
            "idp-webhook",
        ],
    ),
    ("route-planning-domain", &["idp-domain"]),
    ("route-planning-vrp", &[]),
    ("route-planning", &["idp", "route-planning-domain", "route-planning-vrp"]),
    ("idp-models", &[]),
    ("bench", &[ANYTHING]),
    ("chaos", &[ANYTHING]),
    ("interop", &[ANYTHING]),
    ("xtask", &[]),
];

/// What tests may use on top: everyone above the domain the test crates and the reference store,
/// which is no adapter's neighbour but everyone's yardstick; those at the end of all arrows
/// anything.
fn allowed_in_tests(package: &str) -> &'static [&'static str] {
    match package {
        "idp-macros" => &["idp-domain"],
        "idp-domain" | "route-planning-domain" | "route-planning-vrp" | "xtask" => &[],
        "idp" | "route-planning" => &[ANYTHING],
        // What it counts is what the engines do.
        "idp-telemetry" => {
            &["idp-memory", "idp-testkit", "idp-keeper", "idp-relay", "idp-projection"]
        }
        _ => &["idp-conformance", "idp-memory", "idp-testkit"],
    }
}

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let workspace = &project.workspace;
    workspace.packages.iter().flat_map(|package| package_faults(package, workspace)).collect()
}

fn package_faults(package: &Package, workspace: &Workspace) -> Vec<Fault> {
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == package.name) else {
        let advice =
            "a new package needs a row in ARCHITECTURE.md and in xtask/src/tidy/layering.rs";
        return vec![Fault::new(&package.name, advice)];
    };
    let ours = package.dependencies.iter().filter(|dep| workspace.package(&dep.name).is_some());
    let wrong = ours.filter(|dep| !is_allowed(package, dep, allowed));
    wrong.map(|dep| Fault::new(manifest(package), advice(package, dep, allowed))).collect()
}

fn is_allowed(package: &Package, dependency: &Dependency, allowed: &[&str]) -> bool {
    let lists = |list: &[&str]| list.iter().any(|name| [ANYTHING, &dependency.name].contains(name));
    lists(allowed) || (dependency.is_dev && lists(allowed_in_tests(&package.name)))
}

fn advice(package: &Package, dependency: &Dependency, allowed: &[&str]) -> String {
    let kind = if dependency.is_dev { "the tests of " } else { "" };
    format!(
        "{kind}{} must not depend on {} (allowed: {}); move the code to the layer that may, \
         or turn the dependency around with a port",
        package.name,
        dependency.name,
        if allowed.is_empty() { "none of ours".to_owned() } else { allowed.join(", ") },
    )
}

fn manifest(package: &Package) -> String {
    format!("{}/Cargo.toml", package.folder)
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;
    use crate::workspace::{Dependency, Package, Workspace};

    fn faults(package: &str, dependency: &str, is_dev: bool) -> Vec<String> {
        let dependency = Dependency { name: dependency.to_owned(), is_dev };
        let named = |name: &str| Package { name: name.to_owned(), ..Package::default() };
        let known =
            ["idp-domain", "idp-errand", "idp-memory", "idp-sql", "idp-sqlite", "idp-conformance"];
        let mut packages: Vec<Package> =
            known.into_iter().filter(|name| *name != package).map(named).collect();
        packages.push(Package { dependencies: vec![dependency], ..named(package) });
        let project = Project { workspace: Workspace { packages }, ..Project::default() };
        super::check(&project).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_arrows_of_the_table_and_other_peoples_crates_are_fine() {
        assert!(faults("idp-sqlite", "idp-sql", false).is_empty());
        assert!(faults("idp-nats", "idp-errand", false).is_empty());
        assert!(faults("idp-sqlite", "rusqlite", false).is_empty());
        assert!(faults("idp-sqlite", "idp-conformance", true).is_empty());
        assert!(faults("bench", "idp-sql", false).is_empty());
    }

    #[test]
    fn an_arrow_against_the_direction_is_refused() {
        assert!(
            faults("idp-domain", "idp-memory", false)[0].contains("must not depend on idp-memory")
        );
        assert_eq!(faults("idp", "idp-sql", false).len(), 1);
        assert_eq!(faults("idp", "idp-errand", false).len(), 1);
        assert_eq!(faults("idp-errand", "idp-domain", false).len(), 1);
    }

    #[test]
    fn tests_of_an_adapter_may_not_use_another_adapter() {
        assert_eq!(faults("idp-postgres", "idp-sqlite", true).len(), 1);
        assert_eq!(faults("idp-postgres", "idp-conformance", false).len(), 1);
    }

    #[test]
    fn a_package_without_a_row_is_refused() {
        assert!(faults("idp-surprise", "idp-domain", false)[0].contains("needs a row"));
    }
}
