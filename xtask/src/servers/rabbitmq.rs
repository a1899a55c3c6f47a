//! RabbitMQ with its stream plug-in: a node that shares nothing with one that may run on this
//! machine, neither name nor cookie, nor the daemon in which Erlang nodes find each other.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::home::Home;
use super::kind::{Kind, Recipe};
use super::packages::{self, Need};
use super::patience::Patience;
use super::probe;
use crate::outcome::Outcome;

pub(crate) const KIND: Kind = Kind {
    name: "rabbitmq",
    title: "RabbitMQ",
    variables: &["IDP_TEST_RABBITMQ", "IDP_TEST_RABBITMQ_STREAM"],
    start_timeout: Duration::from_secs(240),
    stop_signal: "KILL",
    find_or_install,
};

const NEED: Need = Need {
    title: "RabbitMQ",
    package: "rabbitmq-server",
    elsewhere: "rabbitmq-server 3.10 or later and epmd on PATH; macOS: `brew install rabbitmq`",
};

/// Debian's own script, behind the one on PATH that insists on the account of the package.
const DEBIAN_SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

const AMQP: u16 = 0;
const STREAM: u16 = 1;
const DISTRIBUTION: u16 = 2;
const EPMD: u16 = 3;

/// The node would start an epmd that outlives it. This one is in its process group and ends with
/// it.
const SCRIPT: &str = r#"
"$1" &
until "$1" -names >/dev/null 2>&1; do sleep 0.05; done
exec "$2"
"#;

/// Two schedulers and a bounded memory: it is one of several servers on a small machine.
const ERLANG: &str = "+S 2:2 +SDio 2 -kernel inet_dist_use_interface {127,0,0,1}";

struct RabbitMq {
    server: PathBuf,
    epmd: PathBuf,
}

fn find_or_install(patience: &Patience) -> Outcome<Box<dyn Recipe>> {
    let recipe = packages::find_or_install(&NEED, patience, || {
        let debian = Some(PathBuf::from(DEBIAN_SERVER)).filter(|server| server.is_file());
        let server = debian.or_else(|| packages::find("rabbitmq-server"))?;
        Some(RabbitMq { server, epmd: packages::find("epmd")? })
    })?;
    Ok(Box::new(recipe))
}

impl Recipe for RabbitMq {
    fn prepare(&self, home: &Home) -> Outcome<Command> {
        let mut command = home.daemon("sh".as_ref())?;
        command.args(["-c", SCRIPT, "idp-rabbitmq"]).arg(&self.epmd).arg(&self.server);
        command.env("HOME", home.folder()).env("TMPDIR", home.folder());
        command.env("ERL_EPMD_PORT", home.port(EPMD).to_string());
        command.env("ERL_EPMD_ADDRESS", "127.0.0.1");
        command.env("RABBITMQ_NODENAME", format!("idp-{}@localhost", home.port(AMQP)));
        command.env("RABBITMQ_DIST_PORT", home.port(DISTRIBUTION).to_string());
        command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERLANG);
        command.env("RABBITMQ_LOGS", "-");
        for (variable, name, text) in files(home) {
            command.env(variable, home.write(name, &text)?);
        }
        for (variable, name) in FOLDERS {
            command.env(variable, home.path(name));
        }
        Ok(command)
    }

    /// It answers the header of AMQP 0-9-1 with a method frame, whose type is 1; the listener of
    /// the streams only has to be there.
    fn is_ready(&self, home: &Home) -> bool {
        probe::ask(home.port(AMQP), b"AMQP\0\0\x09\x01", 1).is_some_and(|answer| answer == [1])
            && probe::ask(home.port(STREAM), b"", 0).is_some()
    }

    fn addresses(&self, home: &Home) -> Vec<String> {
        let (amqp, stream) = (home.port(AMQP), home.port(STREAM));
        vec![format!("amqp://guest:guest@127.0.0.1:{amqp}"), format!("127.0.0.1:{stream}")]
    }
}

const FOLDERS: [(&str, &str); 2] =
    [("RABBITMQ_MNESIA_BASE", "mnesia"), ("RABBITMQ_LOG_BASE", "log")];

/// Each of these replaces a file of the machine.
fn files(home: &Home) -> [(&'static str, &'static str, String); 4] {
    let (amqp, stream) = (home.port(AMQP), home.port(STREAM));
    let configuration = format!(
        "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
         stream.listeners.tcp.1 = 127.0.0.1:{stream}\n\
         stream.advertised_host = 127.0.0.1\n\
         stream.advertised_port = {stream}\n\
         vm_memory_high_watermark.absolute = 1GiB\n\
         disk_free_limit.absolute = 50MB\n"
    );
    [
        ("RABBITMQ_CONF_ENV_FILE", "rabbitmq-env.conf", String::new()),
        ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf", configuration),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced.config", "[].\n".to_owned()),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins", "[rabbitmq_stream].\n".to_owned()),
    ]
}
