//! Programs in Java, run from their source with libraries that `cargo xtask` has fetched.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// The value of a variable that a test cannot do without.
pub(crate) fn variable(name: &str) -> OsString {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask test -p interop`"))
}

/// The command for a program under `interop/` with the jars of the folder that this variable names.
pub(crate) fn program(source: &str, jars: &str) -> Command {
    let jars = PathBuf::from(variable(jars)).join("*");
    let mut command = Command::new(variable("IDP_TEST_JAVA"));
    command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xmx256m"]);
    command.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]).arg(jars);
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(source));
    command
}
