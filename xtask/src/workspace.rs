//! What cargo knows of this workspace: its packages, their features and their direct dependencies.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::outcome::Outcome;
use crate::process;

/// The folder of the root `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
}

#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the root, with `/`.
    pub(crate) folder: String,
    pub(crate) has_description: bool,
    pub(crate) features: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// For tests, examples and benchmarks only.
    pub(crate) is_dev: bool,
}

impl Workspace {
    pub(crate) fn load() -> Outcome<Self> {
        let json =
            process::capture(&mut process::cargo(["metadata", "--no-deps", "--format-version=1"]))?;
        Self::parse(&json)
    }

    fn parse(json: &str) -> Outcome<Self> {
        let unreadable = |what: &str| format!("cannot read the output of `cargo metadata`: {what}");
        let metadata: Value =
            serde_json::from_str(json).map_err(|error| unreadable(&error.to_string()))?;
        let root = metadata["workspace_root"].as_str().ok_or_else(|| unreadable("no root"))?;
        let packages = metadata["packages"].as_array().ok_or_else(|| unreadable("no packages"))?;
        let packages = packages.iter().map(|package| Package::parse(package, root)).collect();
        Ok(Workspace { packages })
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Package {
    fn parse(json: &Value, root: &str) -> Self {
        let manifest = text(json, "manifest_path");
        let folder = manifest.trim_start_matches(root).trim_end_matches("Cargo.toml");
        let features = json["features"].as_object();
        let dependencies = json["dependencies"].as_array();
        Package {
            name: text(json, "name"),
            folder: folder.trim_matches('/').to_owned(),
            has_description: !text(json, "description").is_empty(),
            features: features.map(|all| all.keys().cloned().collect()).unwrap_or_default(),
            dependencies: dependencies
                .map(|all| all.iter().map(Dependency::parse).collect())
                .unwrap_or_default(),
        }
    }
}

impl Dependency {
    fn parse(json: &Value) -> Self {
        Dependency { name: text(json, "name"), is_dev: json["kind"] == "dev" }
    }
}

fn text(json: &Value, key: &str) -> String {
    json[key].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_gives_folder_features_and_dependency_kinds() {
        let json = r#"{"workspace_root": "/w", "packages": [{
            "name": "idp", "manifest_path": "/w/crates/idp/Cargo.toml", "description": null,
            "features": {"default": [], "http": ["dep:idp-http"]},
            "dependencies": [
                {"name": "idp-http", "kind": null},
                {"name": "idp-testkit", "kind": "dev"}
            ]
        }]}"#;
        let workspace = Workspace::parse(json).expect("the sample is well-formed");
        let idp = workspace.package("idp").expect("the sample has it");
        assert_eq!(idp.folder, "crates/idp");
        assert_eq!(idp.features, ["default", "http"]);
        assert!(!idp.has_description);
        assert_eq!(idp.dependencies.iter().map(|d| d.is_dev).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn metadata_that_is_not_json_is_refused_with_the_reason() {
        let error = Workspace::parse("error: no such command").expect_err("not JSON");
        assert!(error.contains("cargo metadata"), "{error}");
    }
}
