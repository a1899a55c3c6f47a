//! Free space on the disk, told before a long build and after one that failed: a full disk shows itself in
//! the words of a compiler or a server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::outcome::Outcome;
use crate::process;
use crate::workspace;

/// Where the build writes and where servers and tests do, each with its free space, in one line.
pub(crate) fn told() -> Outcome<String> {
    let places = [("target", target()), ("temporary files", std::env::temp_dir())];
    let told = places.map(|(name, path)| {
        let free = free_at(&path)?;
        Ok(format!("{} free for {name}", in_words(free)))
    });
    Ok(told.into_iter().collect::<Outcome<Vec<_>>>()?.join(", "))
}

/// The folder of the build, or the nearest one above it that is there already.
fn target() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let mut path = workspace::root().join(named);
    while !path.exists() && path.pop() {}
    path
}

/// In bytes; what a program without privileges may use.
fn free_at(path: &Path) -> Outcome<u64> {
    let told = process::capture(Command::new("df").arg("-Pk").arg(path))?;
    available(&told).ok_or_else(|| format!("`df -Pk` printed what nobody can read: {told}"))
}

/// From the portable form of `df` (POSIX): one line of headings, then one with kilobytes in the
/// second to fourth column.
fn available(told: &str) -> Option<u64> {
    let columns: Vec<&str> = told.lines().nth(1)?.split_whitespace().collect();
    let percent = columns.iter().position(|column| column.ends_with('%'))?;
    let kilobytes: u64 = columns.get(percent.checked_sub(1)?)?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

fn in_words(bytes: u64) -> String {
    let tenths = bytes / 100_000_000;
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_that_is_available_is_read_whatever_the_file_system_is_called() {
        let told = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                    //server/some share 263174212 17095168 79000000 18% /srv/data\n";
        assert_eq!(available(told), Some(79_000_000 * 1024));
        assert_eq!(available("Filesystem 1024-blocks\n"), None);
        assert_eq!(available("head\n18% /\n"), None);
    }

    #[test]
    fn it_is_told_in_gigabytes() {
        assert_eq!(in_words(9_449_999_999), "9.4 GB");
        assert_eq!(in_words(50_000_000), "0.0 GB");
    }

    #[test]
    fn this_machine_tells_its_own() {
        let told = told().expect("`df` is there");
        assert!(told.ends_with("GB free for temporary files"), "{told}");
    }
}
