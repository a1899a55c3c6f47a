//! Apache Pulsar from its distribution on Maven Central: broker, bookie and metadata in one process.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::home::Home;
use super::kind::{Kind, Recipe};
use super::maven::{self, Coordinates};
use super::patience::Patience;
use super::{java, probe};
use crate::outcome::Outcome;

pub(crate) const KIND: Kind = Kind {
    name: "pulsar",
    title: "Pulsar",
    variables: &["IDP_TEST_PULSAR", "IDP_TEST_PULSAR_ADMIN", "IDP_TEST_PULSAR_HOME"],
    start_timeout: Duration::from_secs(240),
    stop_signal: "KILL",
    find_or_install,
};

const DISTRIBUTION: Coordinates = ("org.apache.pulsar", "pulsar-server-distribution", "4.0.6");

const BROKER: u16 = 0;
const ADMIN: u16 = 1;
const BOOKIE: u16 = 2;

/// The defaults are 2 GiB and 4 GiB, touched at the start.
const MEMORY: &str = "-Xms256m -Xmx1g -XX:MaxDirectMemorySize=1g";
const COLLECTOR: &str = "-XX:+UseG1GC -XX:-UsePerfData";

struct Pulsar {
    distribution: PathBuf,
}

fn find_or_install(patience: &Patience) -> Outcome<Box<dyn Recipe>> {
    java::find_or_install(patience)?;
    let distribution = maven::archive(DISTRIBUTION, "bin", patience)?;
    Ok(Box::new(Pulsar { distribution }))
}

impl Recipe for Pulsar {
    fn prepare(&self, home: &Home) -> Outcome<Command> {
        let configuration = home.write("standalone.conf", &self.configuration(home)?)?;
        let mut command = home.daemon(&self.distribution.join("bin/pulsar"))?;
        command.args(["standalone", "--no-functions-worker", "--no-stream-storage"]);
        command.arg("--metadata-dir").arg(home.path("metadata"));
        command.arg("--bookkeeper-dir").arg(home.path("bookkeeper"));
        command.args(["--bookkeeper-port", &home.port(BOOKIE).to_string()]);
        let temporary = format!("{COLLECTOR} -Djava.io.tmpdir={}", home.folder().display());
        command.env("PULSAR_STANDALONE_CONF", configuration).env("PULSAR_MEM", MEMORY);
        command.env("PULSAR_GC", temporary).env("PULSAR_GC_LOG", " ");
        command.env("PULSAR_LOG_DIR", home.path("log")).env("PULSAR_LOG_APPENDER", "Console");
        command.env("PULSAR_LOG_IMMEDIATE_FLUSH", "true");
        Ok(command)
    }

    /// Its own check of its health writes and reads a message; the namespace for everybody comes
    /// last.
    fn is_ready(&self, home: &Home) -> bool {
        let says = |path: &str, word: &str| {
            probe::get(home.port(ADMIN), path).is_some_and(|body| body.contains(word))
        };
        says("/admin/v2/namespaces/public", "public/default")
            && says("/admin/v2/brokers/health", "ok")
    }

    fn addresses(&self, home: &Home) -> Vec<String> {
        let (broker, admin) = (home.port(BROKER), home.port(ADMIN));
        let distribution = self.distribution.to_string_lossy().into_owned();
        vec![
            format!("pulsar://127.0.0.1:{broker}"),
            format!("http://127.0.0.1:{admin}"),
            distribution,
        ]
    }
}

impl Pulsar {
    /// The file of the distribution with the lines of ours in place of its own.
    fn configuration(&self, home: &Home) -> Outcome<String> {
        let path = self.distribution.join("conf/standalone.conf");
        let theirs = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(with_settings(&theirs, &settings(home)))
    }
}

fn settings(home: &Home) -> Vec<(&'static str, String)> {
    let loopback = if cfg!(target_os = "macos") { "lo0" } else { "lo" };
    let own = [
        ("brokerServicePort", home.port(BROKER).to_string()),
        ("webServicePort", home.port(ADMIN).to_string()),
        ("listeningInterface", loopback.to_owned()),
    ];
    let fixed = SETTINGS.iter().map(|(key, value)| (*key, (*value).to_owned()));
    own.into_iter().chain(fixed).collect()
}

/// A name that is fixed is no ephemeral port, but without that permission the bookie looks for a
/// port of its own. Topics are created by who needs them, and stay.
const SETTINGS: [(&str, &str); 8] = [
    ("bindAddress", "127.0.0.1"),
    ("advertisedAddress", "127.0.0.1"),
    ("allowEphemeralPorts", "true"),
    ("brokerDeduplicationEnabled", "true"),
    ("transactionCoordinatorEnabled", "true"),
    ("allowAutoTopicCreation", "false"),
    ("brokerDeleteInactiveTopicsEnabled", "false"),
    ("webSocketServiceEnabled", "false"),
];

fn with_settings(theirs: &str, ours: &[(&str, String)]) -> String {
    let is_ours = |line: &&str| {
        let key = line.split_once('=').map(|(key, _)| key.trim());
        ours.iter().any(|(name, _)| key == Some(name))
    };
    let mut lines: Vec<String> =
        theirs.lines().filter(|line| !is_ours(line)).map(str::to_owned).collect();
    lines.extend(ours.iter().map(|(key, value)| format!("{key}={value}")));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::with_settings;

    #[test]
    fn our_settings_replace_theirs_and_nothing_else() {
        let theirs = "# port=1\nport=6650\nportTls=\nother=port=6650\n";
        let ours = [("port", "20000".to_owned()), ("new", "x".to_owned())];
        assert_eq!(
            with_settings(theirs, &ours),
            "# port=1\nportTls=\nother=port=6650\nport=20000\nnew=x\n"
        );
    }
}
