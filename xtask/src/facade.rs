//! Each feature of the facade, and of the application that shows how to use it, compiles alone, so that
//! a user may choose any.

use crate::outcome::Outcome;
use crate::process;
use crate::workspace::{Package, Workspace};

const PACKAGES: [&str; 2] = ["idp", "route-planning"];

pub(crate) fn check_features() -> Outcome {
    let workspace = Workspace::load()?;
    PACKAGES.iter().try_for_each(|name| {
        let package =
            workspace.package(name).ok_or_else(|| format!("there is no package `{name}`"))?;
        check_package(package)
    })
}

fn check_package(package: &Package) -> Outcome {
    process::run(&mut check(package, None))?;
    for feature in selectable(package) {
        println!("feature {feature} of {}", package.name);
        process::run(&mut check(package, Some(feature))).map_err(|error| {
            format!("feature `{feature}` of {} does not compile alone: {error}", package.name)
        })?;
    }
    Ok(())
}

fn check(package: &Package, feature: Option<&str>) -> std::process::Command {
    let mut command =
        process::cargo(["check", "--package", &package.name, "--no-default-features"]);
    if let Some(feature) = feature {
        command.args(["--features", feature]);
    }
    command
}

fn selectable(package: &Package) -> impl Iterator<Item = &str> {
    package.features.iter().map(String::as_str).filter(|feature| *feature != "default")
}
