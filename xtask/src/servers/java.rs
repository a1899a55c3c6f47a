//! The Java that Kafka, Pulsar, Maven and the programs of `interop` run on.

use std::path::PathBuf;
use std::process::Command;

use super::packages::{self, Need};
use super::patience::Patience;
use crate::outcome::Outcome;

const VERSION_MIN: u32 = 17;

const COMPILER: Need = Need {
    title: "a Java compiler",
    package: "default-jdk-headless",
    elsewhere: "a JDK 17 or later in JAVA_HOME or on PATH; macOS: `brew install openjdk@17`",
};

const NEED: Need = Need {
    title: "Java",
    package: "default-jre-headless",
    elsewhere: "a Java 17 or later in JAVA_HOME or on PATH; macOS: `brew install openjdk@17`",
};

/// That of JAVA_HOME, else that on PATH: the order in which the scripts of Maven and Pulsar look
/// for it, too.
pub(crate) fn find_or_install(patience: &Patience) -> Outcome<PathBuf> {
    checked(packages::find_or_install(&NEED, patience, || find("java"))?)
}

/// One that can run programs from their source.
pub(crate) fn with_compiler(patience: &Patience) -> Outcome<PathBuf> {
    let compiler = packages::find_or_install(&COMPILER, patience, || find("javac"))?;
    // What stands on PATH is often a link to the one of several installations that is meant.
    let compiler = compiler.canonicalize().unwrap_or(compiler);
    checked(compiler.with_file_name("java"))
}

fn find(program: &str) -> Option<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
    match home {
        Some(home) => Some(PathBuf::from(home).join("bin").join(program)),
        None => packages::find(program),
    }
}

fn checked(java: PathBuf) -> Outcome<PathBuf> {
    let printed = Command::new(&java).arg("-version").output();
    let printed = printed.map_err(|error| format!("cannot start {}: {error}", java.display()))?;
    match version(&String::from_utf8_lossy(&printed.stderr)) {
        Some(VERSION_MIN..) => Ok(java),
        Some(old) => Err(format!(
            "{} is Java {old}; set JAVA_HOME to a Java {VERSION_MIN} or later",
            java.display()
        )),
        None => Err(format!("{} does not say which Java it is", java.display())),
    }
}

/// `openjdk version "17.0.15" 2025-04-15` is 17, and `java version "1.8.0_292"` is 8.
fn version(printed: &str) -> Option<u32> {
    let quoted = printed.split('"').nth(1)?;
    let mut numbers = quoted.split(|sign: char| !sign.is_ascii_digit()).map(str::parse);
    match numbers.next()?.ok()? {
        1 => numbers.next()?.ok(),
        version => Some(version),
    }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_is_read_in_its_old_and_new_form() {
        assert_eq!(version("openjdk version \"17.0.15\" 2025-04-15\n"), Some(17));
        assert_eq!(version("openjdk version \"25-ea\" 2025-09-16\n"), Some(25));
        assert_eq!(version("java version \"1.8.0_292\"\n"), Some(8));
        assert_eq!(version("Error: no such option"), None);
    }
}
