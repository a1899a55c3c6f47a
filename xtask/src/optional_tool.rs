//! Tools that not every machine has: CI runs them where they are installed and says why it skips
//! them elsewhere.

use crate::outcome::Outcome;
use crate::process;

/// Licences, bans and sources of all dependencies, by `deny.toml`: what a commit decides. (Advisories
/// are of the day, and their list comes over the network.)
pub(crate) fn deny() -> Outcome {
    if !has_deny() {
        println!("skipped: cargo-deny is not installed; `cargo xtask deny` installs and runs it");
        return Ok(());
    }
    process::run(&mut process::cargo(["deny", "check", "bans", "licenses", "sources"]))
}

/// The same and advisories. Compiles cargo-deny first if it is missing, which takes minutes.
pub(crate) fn install_and_run_deny() -> Outcome {
    if !has_deny() {
        process::run(&mut process::cargo(["install", "--locked", "cargo-deny"]))?;
    }
    process::run(&mut process::cargo(["deny", "check"]))
}

/// Spelling, by `_typos.toml`.
pub(crate) fn typos() -> Outcome {
    let mut typos = std::process::Command::new("typos");
    if !process::succeeds(std::process::Command::new("typos").arg("--version")) {
        println!("skipped: typos is not installed; `cargo install --locked typos-cli` installs it");
        return Ok(());
    }
    process::run(typos.current_dir(crate::workspace::root()))
}

fn has_deny() -> bool {
    process::succeeds(&mut process::cargo(["deny", "--version"]))
}
