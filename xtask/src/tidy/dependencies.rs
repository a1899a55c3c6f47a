//! The inner layers stay free of technology: which crates of others the domain and the application
//! may use.

use super::Project;
use super::fault::Fault;
use crate::workspace::{Package, Workspace};

const DOMAIN: &[&str] =
    &["hmac", "jiff", "serde", "serde_json", "serde_json_canonicalizer", "sha2", "uuid"];

/// On top of those of the domain.
const APPLICATION: &[&str] =
    &["base64", "bytes", "futures-util", "getrandom", "rand", "tokio", "tracing"];

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let mut faults = strangers("idp-domain", &[DOMAIN], &project.workspace);
    faults.extend(strangers("idp-application", &[DOMAIN, APPLICATION], &project.workspace));
    faults
}

/// Dependencies of tests are free, as they do not reach users.
fn strangers(package: &str, allowed: &[&[&str]], workspace: &Workspace) -> Vec<Fault> {
    let dependencies = workspace.package(package).into_iter().flat_map(shipped_dependencies);
    let strange = dependencies
        .filter(|name| workspace.package(name).is_none() && !allowed.concat().contains(name));
    let advice = |name| {
        format!(
            "{package} may not use `{name}`: put a port here and the technology into an adapter, \
             or write an ADR and extend the list in xtask/src/tidy/dependencies.rs"
        )
    };
    strange.map(|name| Fault::new(format!("crates/{package}/Cargo.toml"), advice(name))).collect()
}

fn shipped_dependencies(package: &Package) -> impl Iterator<Item = &str> {
    package.dependencies.iter().filter(|dep| !dep.is_dev).map(|dep| dep.name.as_str())
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;
    use crate::workspace::{Dependency, Package, Workspace};

    fn faults(package: &str, dependency: &str, is_dev: bool) -> usize {
        let dependencies = vec![Dependency { name: dependency.to_owned(), is_dev }];
        let package = Package { name: package.to_owned(), dependencies, ..Package::default() };
        let workspace = Workspace { packages: vec![package] };
        super::check(&Project { workspace, ..Project::default() }).len()
    }

    #[test]
    fn listed_crates_are_allowed_and_tests_are_free() {
        assert_eq!(faults("idp-domain", "uuid", false), 0);
        assert_eq!(faults("idp-application", "tokio", false), 0);
        assert_eq!(faults("idp-domain", "trybuild", true), 0);
        assert_eq!(faults("idp-postgres", "tokio-postgres", false), 0);
    }

    #[test]
    fn technology_in_the_inner_layers_is_refused() {
        assert_eq!(faults("idp-domain", "tokio", false), 1);
        assert_eq!(faults("idp-application", "tokio-postgres", false), 1);
    }
}
