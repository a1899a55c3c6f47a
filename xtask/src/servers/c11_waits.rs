//! Waits of C11 threads under a clock that is stepped. `libfaketime` takes the place of the waits of
//! POSIX threads and not of these, so that a client in C11, such as librdkafka, would compare a time of
//! day that is stepped with one that is not, and wait an hour for what it means to wait a second for.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::{self, Need};
use super::patience::Patience;
use crate::outcome::Outcome;
use crate::process;

const SOURCE: &str = include_str!("c11_waits.c");

const NEED: Need = Need { title: "a compiler for C", package: "gcc", elsewhere: "cc on PATH" };

/// A library to load behind `libfaketime`; it goes with the value.
pub(crate) struct C11Waits {
    library: PathBuf,
}

impl C11Waits {
    /// Whoever has built the tests has the compiler: librdkafka is written in C.
    pub(crate) fn compile(patience: &Patience) -> Outcome<Self> {
        let name = format!("idp-c11-waits-{}.so", std::process::id());
        let waits = Self { library: std::env::temp_dir().join(name) };
        compile(SOURCE, &["-shared", "-fPIC"], &waits.library, patience)?;
        Ok(waits)
    }

    pub(crate) fn library(&self) -> &Path {
        &self.library
    }
}

impl Drop for C11Waits {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.library));
    }
}

fn compile(source: &str, kind: &[&str], to: &Path, patience: &Patience) -> Outcome {
    let compiler = packages::program("cc", &NEED, patience)?;
    let file = to.with_extension("c");
    std::fs::write(&file, source)
        .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    let mut command = Command::new(compiler);
    let compiled =
        process::run(command.args(["-O2", "-pthread"]).args(kind).arg("-o").arg(to).arg(&file));
    drop(std::fs::remove_file(&file));
    compiled
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::faketime::{self, Clock};
    use super::*;
    use std::io::{BufRead, BufReader, Lines};
    use std::process::{Child, ChildStdout, Stdio};
    use std::time::{Duration, Instant};

    const PROGRAM: &str = include_str!("c11_waits_test.c");
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A program that waits under a clock of its own.
    struct Waiting {
        clock: Clock,
        child: Child,
        said: Lines<BufReader<ChildStdout>>,
        _waits: C11Waits,
        _folder: Folder,
    }

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    impl Waiting {
        fn start(name: &str, ahead: &str, seconds: &str) -> Self {
            let patience = Patience::default();
            let library = faketime::find_or_install(&patience).expect("it can be had");
            let library = library.expect("this is Linux");
            let path = std::env::temp_dir().join(format!("idp-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).expect("the temp dir is writable");
            let folder = Folder(path.clone());
            let waits = C11Waits { library: path.join("waits.so") };
            compile(SOURCE, &["-shared", "-fPIC"], &waits.library, &patience).expect("it is C");
            compile(PROGRAM, &[], &path.join("program"), &patience).expect("it is C");
            let clock = Clock::kept_in(path.join("clock"), library.clone()).expect("it is ours");
            clock.set(ahead).expect("a number");
            let mut command = Command::new(path.join("program"));
            clock.rule(&mut command);
            command.arg(seconds).env("LD_PRELOAD", faketime::with_waits(&library, &waits));
            let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
            let output = child.stdout.take().expect("it is piped");
            let mut said = BufReader::new(output).lines();
            assert_eq!(said.next().expect("it speaks").expect("text"), "waiting");
            Self { clock, child, said, _waits: waits, _folder: folder }
        }

        fn has_ended(&mut self) -> bool {
            self.child.try_wait().expect("it can be asked").is_some()
        }

        fn has_ended_within(&mut self, time: Duration) -> bool {
            let deadline = Instant::now() + time;
            while Instant::now() < deadline {
                if self.has_ended() {
                    return true;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            false
        }

        fn milliseconds(&mut self) -> u64 {
            assert!(self.has_ended_within(PATIENCE), "it waits still");
            self.said.next().expect("it speaks").expect("text").parse().expect("a number")
        }
    }

    impl Drop for Waiting {
        fn drop(&mut self) {
            drop(self.child.kill());
            drop(self.child.wait());
            faketime::forget(self.child.id());
        }
    }

    #[test]
    fn a_wait_under_a_clock_that_is_ahead_is_as_long_as_it_says() {
        let took = Waiting::start("ahead", "3600", "1").milliseconds();
        assert!((900..10_000).contains(&took), "{took} ms");
    }

    /// As in the kernel.
    #[test]
    fn a_wait_under_way_is_longer_when_the_clock_is_set_back_and_ends_when_it_is_set_ahead() {
        // A step is seen within two seconds.
        let mut waiting = Waiting::start("back", "0", "4");
        waiting.clock.set("-3600").expect("a number");
        assert!(!waiting.has_ended_within(Duration::from_secs(6)), "it has not seen the step");
        waiting.clock.set("3600").expect("a number");
        assert!(waiting.milliseconds() >= 5_900);
    }
}
