//! A package whose code asks for a server by its variable gets that server from `cargo xtask test`.

use super::Project;
use super::fault::Fault;
use super::source::SourceFile;
use crate::servers::{self, needs};
use crate::workspace::{Package, Workspace};

/// It provides the servers, and so names all variables.
const PROVIDER: &str = "xtask";

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    project
        .tree
        .sources()
        .filter_map(|source| Some((source, package_of(source, &project.workspace)?)))
        .filter(|(_, package)| package.name != PROVIDER)
        .flat_map(|(source, package)| file(source, package))
        .collect()
}

/// The innermost, as packages lie in each other.
fn package_of<'w>(source: &SourceFile, workspace: &'w Workspace) -> Option<&'w Package> {
    let has = |package: &&Package| {
        let inside = source.path.strip_prefix(package.folder.as_str());
        inside.is_some_and(|inside| inside.starts_with('/'))
    };
    workspace.packages.iter().filter(has).max_by_key(|package| package.folder.len())
}

fn file(source: &SourceFile, package: &Package) -> Vec<Fault> {
    let provided = needs::names(&package.name);
    let missing = servers::variables().filter(|(server, _)| !provided.contains(&server.name));
    missing
        .filter_map(|(server, variable)| {
            let at = source.uncommented.find(&format!("\"{variable}\""))?;
            let advice = format!(
                "{variable} is not set for the tests of {}: add \"{}\" to its row in \
                 xtask/src/servers/needs.rs",
                package.name, server.name
            );
            Some(Fault::at(&source.path, source.line_of(at), advice))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;
    use crate::workspace::{Package, Workspace};

    fn faults(name: &str, text: &str) -> Vec<String> {
        let named = |name: &str, folder: &str| Package {
            name: name.to_owned(),
            folder: folder.to_owned(),
            ..Package::default()
        };
        let packages = vec![named("idp-postgres", "crates"), named(name, "crates/a")];
        let project = Project {
            workspace: Workspace { packages },
            ..Project::of([("crates/a/tests/a.rs", text)])
        };
        super::check(&project).iter().map(ToString::to_string).collect()
    }

    const ASKS: &str = "//! A.\nfn a() { env(\"IDP_TEST_NATS\") }\n";

    #[test]
    fn a_server_that_is_asked_for_and_provided_is_fine() {
        assert!(faults("idp-nats", ASKS).is_empty());
        assert!(faults("xtask", ASKS).is_empty());
        assert!(faults("idp-domain", "//! Not \"IDP_TEST_NATS\".\nfn a() {}\n").is_empty());
    }

    #[test]
    fn a_server_that_is_asked_for_but_not_provided_is_refused() {
        let found = faults("idp-domain", ASKS);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("crates/a/tests/a.rs:2: IDP_TEST_NATS"), "{found:?}");
        assert!(found[0].contains("add \"nats\""), "{found:?}");
    }
}
