//! Artifacts of Maven Central, fetched and checked by Maven into the cache.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::packages::{self, Need};
use super::patience::Patience;
use super::{cache, java};
use crate::outcome::Outcome;

const NEED: Need = Need {
    title: "Maven",
    package: "maven",
    elsewhere: "`mvn` of Maven 3.6 or later on PATH; macOS: `brew install maven`",
};

/// With its version, so that everybody fetches with the same.
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/// Group, name and version.
pub(crate) type Coordinates = (&'static str, &'static str, &'static str);

/// The folder with the jars of these artifacts and of all that they need at run time.
pub(crate) fn jars(artifacts: &[Coordinates], patience: &Patience) -> Outcome<PathBuf> {
    let names = artifacts.iter().map(|(_, name, version)| format!("{name}-{version}"));
    let name = names.collect::<Vec<_>>().join("+");
    cache::folder(&name, patience, |part| {
        write(&part.join("pom.xml"), &project(artifacts))?;
        let mut maven = maven("copy-dependencies", part, patience)?;
        maven.args(["-DincludeScope=runtime", "-DoutputDirectory=."]);
        fetch(&name, &mut maven, part, patience)
    })
}

/// The folder with what is in the folder that the archive consists of.
pub(crate) fn archive(
    (group, name, version): Coordinates,
    classifier: &str,
    patience: &Patience,
) -> Outcome<PathBuf> {
    let name_and_version = format!("{name}-{version}");
    cache::folder(&name_and_version, patience, |part| {
        let mut maven = maven("copy", part, patience)?;
        maven.arg(format!("-Dartifact={group}:{name}:{version}:tar.gz:{classifier}"));
        maven.arg("-DoutputDirectory=.");
        fetch(&name_and_version, &mut maven, part, patience)?;
        let file = part.join(format!("{name_and_version}-{classifier}.tar.gz"));
        let mut tar = Command::new("tar");
        tar.args(["-x", "-z", "--strip-components=1", "-C"]).arg(part).arg("-f").arg(&file);
        if !patience.run(&mut tar)?.success() {
            return Err(format!("cannot unpack {}", file.display()));
        }
        fs::remove_file(&file).map_err(unwritable(&file))
    })
}

/// A checksum that does not fit is an error, not a warning. Without a project around it, so the
/// folder decides whether there is one.
fn maven(goal: &str, folder: &Path, patience: &Patience) -> Outcome<Command> {
    java::find_or_install(patience)?;
    let mut command = Command::new(packages::program("mvn", &NEED, patience)?);
    command.args(["--batch-mode", "--quiet", "--strict-checksums", "-Dstyle.color=never"]);
    command.arg(format!("{PLUGIN}:{goal}")).current_dir(folder).stdin(Stdio::null());
    Ok(command)
}

fn fetch(name: &str, maven: &mut Command, part: &Path, patience: &Patience) -> Outcome {
    eprintln!("fetching {name} with Maven, once");
    let path = part.join("maven.log");
    let log = || File::options().create(true).append(true).open(&path).map_err(unwritable(&path));
    let status = patience.run(maven.stdout(log()?).stderr(log()?))?;
    if status.success() {
        return Ok(());
    }
    let log = fs::read(&path).unwrap_or_default();
    let reason = first_error(&String::from_utf8_lossy(&log)).unwrap_or(status.to_string());
    Err(format!(
        "cannot fetch {name}; Maven needs the network, or a mirror in its settings.xml: {reason}"
    ))
}

/// The later ones say where to read about errors.
fn first_error(log: &str) -> Option<String> {
    log.lines().find_map(|line| Some(line.split_once("[ERROR] ")?.1.to_owned()))
}

fn project(artifacts: &[Coordinates]) -> String {
    let dependency = |(group, name, version): &Coordinates| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>\
             <version>{version}</version></dependency>\n"
        )
    };
    let dependencies: String = artifacts.iter().map(dependency).collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n\
         <modelVersion>4.0.0</modelVersion>\n\
         <groupId>idp</groupId><artifactId>servers</artifactId><version>1</version>\n\
         <packaging>pom</packaging>\n\
         <dependencies>\n{dependencies}</dependencies>\n\
         </project>\n"
    )
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(unwritable(path))
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("cannot write {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_of_maven_is_the_reason() {
        let log = "\u{1b}[0m[ERROR] Connection refused -> [Help 1]\n[ERROR] \n[ERROR] Re-run\n";
        assert_eq!(first_error(log).as_deref(), Some("Connection refused -> [Help 1]"));
        assert_eq!(first_error("[WARNING] nothing"), None);
    }

    #[test]
    fn the_project_depends_on_each_artifact() {
        let project = project(&[("g", "a", "1"), ("g", "b", "2")]);
        assert_eq!(project.matches("<dependency>").count(), 2);
        assert!(project.contains("<artifactId>b</artifactId><version>2</version>"));
    }
}
