//! Each feature of the facade crate compiles alone, so that a user may choose any.

use crate::outcome::Outcome;
use crate::process;
use crate::workspace::{Package, Workspace};

const FACADE: &str = "idp";

pub(crate) fn check_features() -> Outcome {
    let workspace = Workspace::load()?;
    let facade = workspace.package(FACADE).ok_or_else(|| {
        format!("there is no package `{FACADE}`; the facade belongs in crates/{FACADE}")
    })?;
    process::run(&mut check(None))?;
    for feature in selectable(facade) {
        println!("feature {feature}");
        process::run(&mut check(Some(feature)))
            .map_err(|error| format!("feature `{feature}` does not compile alone: {error}"))?;
    }
    Ok(())
}

fn check(feature: Option<&str>) -> std::process::Command {
    let mut command = process::cargo(["check", "--package", FACADE, "--no-default-features"]);
    if let Some(feature) = feature {
        command.args(["--features", feature]);
    }
    command
}

fn selectable(facade: &Package) -> impl Iterator<Item = &str> {
    facade.features.iter().map(String::as_str).filter(|feature| *feature != "default")
}
