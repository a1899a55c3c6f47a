//! What the figures were measured on.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

/// The machine and the compiler, one `name: value` each.
pub(crate) fn describe() -> Vec<(&'static str, String)> {
    let cores = available_parallelism().map_or(0, usize::from);
    vec![
        ("processor", format!("{cores} x {}", processor())),
        ("memory", memory()),
        ("kernel", kernel()),
        ("compiler", output("rustc", &["--version"])),
        ("load when the run began", load()),
    ]
}

/// The load averages of the last 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let averages = first_line("/proc/loadavg");
    averages.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let name = field("model name").unwrap_or_else(|| "unknown".into());
    match (field("cpu family"), field("model\t")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name,
    }
}

/// Its version, without what its builder calls it.
fn kernel() -> String {
    let release = first_line("/proc/sys/kernel/osrelease");
    release.split('-').next().unwrap_or_default().to_owned()
}

fn memory() -> String {
    let total = first_line("/proc/meminfo");
    let kib: Option<u64> = total.split_whitespace().nth(1).and_then(|kib| kib.parse().ok());
    kib.map_or_else(|| "unknown".into(), |kib| format!("{} MiB", kib / 1024))
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".into())
}
