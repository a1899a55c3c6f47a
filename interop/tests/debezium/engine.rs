//! Debezium's engine in a process of its own, with the settings that `interop/debezium` proposes.

use crate::database::Database;
use crate::java;
use interop::Routed;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// For one record, and for the end of the process, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stays when an engine ends: how far it was.
pub(crate) struct Connector {
    folder: TempDir,
    settings: Vec<String>,
}

/// One that runs. Dropped, it is killed.
pub(crate) struct Engine<'c> {
    connector: &'c Connector,
    process: Process,
    lines: UnboundedReceiver<String>,
}

struct Process(Child);

impl Connector {
    /// One for that database, with some settings instead of those of the file.
    pub(crate) fn new(database: &Database, instead: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder can be made");
        let offsets = folder.path().join("offsets");
        let mut settings = database.settings();
        settings.extend([
            "topic.prefix=idp".to_owned(),
            "offset.storage=org.apache.kafka.connect.storage.FileOffsetBackingStore".to_owned(),
            format!("offset.storage.file.filename={}", offsets.display()),
            "offset.flush.interval.ms=0".to_owned(),
            "poll.interval.ms=20".to_owned(),
        ]);
        settings.extend(instead.iter().map(|&setting| setting.to_owned()));
        Self { folder, settings }
    }

    /// Starts where the one before ended.
    pub(crate) fn start(&self) -> Engine<'_> {
        let mut command = java::program("debezium/RouteOutbox.java", "IDP_TEST_DEBEZIUM");
        let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("debezium/outbox.properties");
        let log = File::options().create(true).append(true).open(self.log()).expect("a new file");
        command.arg(settings).args(&self.settings);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut process = Process(command.spawn().expect("Java can be started"));
        let output = BufReader::new(process.0.stdout.take().expect("it is piped"));
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || {
            let mut lines = output.lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        Engine { connector: self, process, lines }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn end_of_log(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Engine<'_> {
    /// The records up to the one of that event.
    pub(crate) async fn records_up_to(&mut self, id: &str) -> Vec<Routed> {
        let mut records: Vec<Routed> = Vec::new();
        loop {
            let line = timeout(PATIENCE, self.lines.recv()).await;
            let Ok(Some(line)) = line else {
                let log = self.connector.end_of_log();
                panic!("no record of {id} behind {} others; its log:\n{log}", records.len());
            };
            let record = serde_json::from_str(&line);
            records.push(record.unwrap_or_else(|error| panic!("{error}: {line}")));
            if records.last().and_then(|record| record.headers.get("id")).is_some_and(|i| i == id) {
                return records;
            }
        }
    }

    /// Ends it in good order, and gives the records that came after all.
    pub(crate) async fn stop(mut self) -> Vec<Routed> {
        drop(self.process.0.stdin.take());
        let mut records = Vec::new();
        while let Some(line) = timeout(PATIENCE, self.lines.recv()).await.expect("it ends") {
            records.push(serde_json::from_str(&line).expect("a record"));
        }
        let status = self.process.0.wait().expect("it can be waited for");
        assert!(status.success(), "{status}:\n{}", self.connector.end_of_log());
        records
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
