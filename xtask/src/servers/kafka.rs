//! Apache Kafka from its Maven artifacts: broker and controller in one process, without ZooKeeper.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::home::Home;
use super::kind::{Kind, Recipe};
use super::maven::{self, Coordinates};
use super::patience::Patience;
use super::{java, probe};
use crate::interrupt::Running;
use crate::outcome::Outcome;

pub(crate) const KIND: Kind = Kind {
    name: "kafka",
    title: "Kafka",
    variables: &["IDP_TEST_KAFKA", "IDP_TEST_KAFKA_RELAYED"],
    start_timeout: Duration::from_secs(240),
    stop_signal: "KILL",
    find_or_install,
};

const ARTIFACTS: [Coordinates; 2] = [
    ("org.apache.kafka", "kafka_2.13", "4.1.1"),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3"),
];

const BROKER: u16 = 0;
const CONTROLLER: u16 = 1;
/// More listeners, and where each says that it listens: a test that cuts the network forwards from
/// there. One for each test that does so at the same time, as many as there are ports for.
const RELAYED: [Relayed; 3] =
    [Relayed { to: 2, from: 3 }, Relayed { to: 4, from: 5 }, Relayed { to: 6, from: 7 }];

#[derive(Clone, Copy)]
struct Relayed {
    to: u16,
    from: u16,
}

/// Any will do, in the form of a UUID in base 64.
const CLUSTER_ID: &str = "aWRwLXRlc3Qtc2VydmVycw";

const MEMORY: [&str; 2] = ["-Xms128m", "-Xmx512m"];

struct Kafka {
    java: PathBuf,
    jars: PathBuf,
}

fn find_or_install(patience: &Patience) -> Outcome<Box<dyn Recipe>> {
    let java = java::find_or_install(patience)?;
    Ok(Box::new(Kafka { java, jars: maven::jars(&ARTIFACTS, patience)? }))
}

impl Recipe for Kafka {
    fn prepare(&self, home: &Home) -> Outcome<Command> {
        let configuration = home.write("server.properties", &configuration(home))?;
        if !home.path("data").exists() {
            self.format(home, &configuration)?;
        }
        let mut command = home.daemon(&self.java)?;
        command.args(MEMORY);
        self.run("kafka.Kafka", &mut command, home).arg(configuration);
        Ok(command)
    }

    /// It lists itself among the brokers: answers to other questions come before it serves.
    fn is_ready(&self, home: &Home) -> bool {
        let answer = probe::ask(home.port(BROKER), METADATA_REQUEST, METADATA_START);
        answer.is_some_and(|start| start[8..] == 1_u32.to_be_bytes())
    }

    fn addresses(&self, home: &Home) -> Vec<String> {
        let pair = |line: Relayed| format!("{}:{}", home.port(line.from), home.port(line.to));
        vec![format!("127.0.0.1:{}", home.port(BROKER)), RELAYED.map(pair).join(",")]
    }
}

impl Kafka {
    fn format(&self, home: &Home, configuration: &Path) -> Outcome {
        let mut command = Command::new(&self.java);
        self.run("kafka.tools.StorageTool", home.equip(&mut command)?, home);
        command.args(["format", "--cluster-id", CLUSTER_ID, "--config"]).arg(configuration);
        let status = Running::spawn(&mut command)?.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(format!("its storage cannot be formatted ({status}):\n{}", home.end_of_log()))
    }

    fn run<'c>(&self, main: &str, command: &'c mut Command, home: &Home) -> &'c mut Command {
        let temporary = format!("-Djava.io.tmpdir={}", home.folder().display());
        command.args(["-XX:-UsePerfData", "-Dlog4j2.level=INFO", &temporary]);
        command.arg("-cp").arg(self.jars.join("*")).arg(main)
    }
}

/// Version 1 of the request, which asks for no topic: its length, then kind, version and number of
/// the request, no name of the client, and an empty list.
const METADATA_REQUEST: &[u8] = b"\0\0\0\x0e\0\x03\0\x01\0\0\0\0\xff\xff\0\0\0\0";

/// Length, number of the request, and how many brokers follow.
const METADATA_START: usize = 12;

fn configuration(home: &Home) -> String {
    let data = home.path("data");
    let [broker, controller] = [BROKER, CONTROLLER].map(|index| home.port(index));
    let each = |text: &dyn Fn(usize, Relayed) -> String| -> String {
        RELAYED.into_iter().enumerate().map(|(at, line)| text(at, line)).collect()
    };
    let protocols = each(&|at, _| format!("RELAYED{at}:PLAINTEXT,"));
    let listeners = each(&|at, line| format!("RELAYED{at}://127.0.0.1:{},", home.port(line.to)));
    let advertised = each(&|at, line| format!(",RELAYED{at}://127.0.0.1:{}", home.port(line.from)));
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=DIRECT\n\
         listener.security.protocol.map={protocols}DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         listeners={listeners}DIRECT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=DIRECT://127.0.0.1:{broker}{advertised}\n\
         log.dirs={}\n\
         {SETTINGS}",
        data.display()
    )
}

/// One broker replicates nothing; topics are created by who needs them; groups do not wait for
/// members that do not come; few partitions for its own topics, and little memory to compact them.
const SETTINGS: &str = "\
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
";
