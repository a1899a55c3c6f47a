//! Which servers the tests of which package need. `cargo xtask tidy` holds this table against the
//! variables that the tests read.

use super::KINDS;
use super::kind::Kind;

/// A package that is not here needs none.
const NEEDS: &[(&str, &[&str])] = &[
    ("bench", &["pg", "redis", "nats", "rabbitmq", "kafka", "pulsar"]),
    ("idp", &["pg"]),
    ("idp-kafka", &["kafka"]),
    ("idp-nats", &["nats"]),
    ("idp-postgres", &["pg"]),
    ("idp-pulsar", &["pulsar"]),
    ("idp-rabbitmq", &["rabbitmq"]),
    ("idp-redis", &["redis"]),
    ("interop", &["pg", "redis", "nats", "rabbitmq", "kafka", "pulsar"]),
    ("route-planning", &["pg", "redis", "nats", "rabbitmq"]),
];

/// For the tests of these packages; for those of the whole workspace without a name. A pattern may
/// mean any package.
pub(crate) fn of(packages: &[&str]) -> Vec<&'static Kind> {
    if may_mean_any(packages) {
        return KINDS.to_vec();
    }
    let needed: Vec<&str> = packages.iter().flat_map(|package| names(package)).copied().collect();
    KINDS.into_iter().filter(|kind| needed.contains(&kind.name)).collect()
}

/// Whether the tests of that package are among those of these packages.
pub(crate) fn means(packages: &[&str], package: &str) -> bool {
    may_mean_any(packages) || packages.iter().any(|name| without_version(name) == package)
}

fn may_mean_any(packages: &[&str]) -> bool {
    packages.is_empty() || packages.iter().any(|name| name.contains(['*', '?', '[']))
}

/// By their names on the command line. Cargo takes `name@version` for a package as well.
pub(crate) fn names(package: &str) -> &'static [&'static str] {
    let name = without_version(package);
    NEEDS.iter().find(|(listed, _)| *listed == name).map_or(&[], |(_, servers)| servers)
}

fn without_version(package: &str) -> &str {
    package.split('@').next().unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(packages: &[&str]) -> Vec<&'static str> {
        of(packages).iter().map(|kind| kind.name).collect()
    }

    #[test]
    fn a_package_gets_the_servers_of_its_row() {
        assert_eq!(servers(&["idp-nats"]), ["nats"]);
        assert_eq!(servers(&["idp-nats@0.1.0", "idp-postgres"]), ["pg", "nats"]);
        assert!(servers(&["idp-domain"]).is_empty());
    }

    #[test]
    fn the_workspace_and_a_pattern_get_all() {
        assert_eq!(servers(&[]).len(), KINDS.len());
        assert_eq!(servers(&["idp-*"]).len(), KINDS.len());
    }

    #[test]
    fn a_package_is_meant_by_its_name_a_pattern_and_the_workspace() {
        assert!(means(&[], "interop") && means(&["inter*"], "interop"));
        assert!(means(&["idp-nats", "interop@0.1.0"], "interop"));
        assert!(!means(&["idp-nats"], "interop"));
    }

    #[test]
    fn the_table_names_servers_that_exist_and_packages_once() {
        let exists = |server: &&str| KINDS.iter().any(|kind| kind.name == *server);
        assert!(NEEDS.iter().all(|(_, servers)| servers.iter().all(exists)));
        assert!(NEEDS.is_sorted_by(|left, right| left.0 < right.0));
    }
}
