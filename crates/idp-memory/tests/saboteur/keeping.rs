//! Broken purges.

use super::{Bug, SabotagedHarness, Saboteur};
use idp_application::{
    BoxFuture, Error, KeepingAction, KeepingCommand, KeepingRecord, LogHold, LogKeeping,
    PurgePolicy, PurgeReport, ReaderStatus, RelayLog,
};
use idp_conformance::log_keeping::KeepingHarness;
use std::sync::Arc;
use std::time::Duration;

impl Saboteur {
    /// Does away with what keeps the log, as the bug wants it.
    async fn let_go(&self, command: impl Fn(String) -> KeepingAction, names: Vec<String>) {
        for name in names {
            let command = KeepingCommand {
                actor: idp_application::Actor::new("saboteur"),
                action: command(name),
                reason: "a bug".into(),
            };
            self.keeping.keep(&command).await.expect("it is there");
        }
    }

    async fn sabotaged_purge(&self, policy: &PurgePolicy) -> Result<PurgeReport, Error> {
        let mut policy = *policy;
        match self.bug {
            Bug::DropsWhatOneReaderHasPassed => {
                let readers = self.keeping.readers().await?;
                let names = readers.into_iter().skip(1).map(|reader| reader.name).collect();
                self.let_go(|reader| KeepingAction::Forget { reader, is_forced: true }, names)
                    .await;
            }
            Bug::IgnoresHolds => {
                let holds = self.keeping.holds().await?;
                let names = holds.into_iter().map(|hold| hold.name).collect();
                self.let_go(|name| KeepingAction::Release { name }, names).await;
            }
            Bug::IgnoresThePolicy => {
                policy.keep_for = Duration::ZERO;
                policy.keep_events = 0;
            }
            _ => {}
        }
        self.keeping.purge(&policy).await
    }
}

impl LogKeeping for Saboteur {
    fn purge<'a>(&'a self, policy: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>> {
        Box::pin(self.sabotaged_purge(policy))
    }

    fn readers(&self) -> BoxFuture<'_, Result<Vec<ReaderStatus>, Error>> {
        self.keeping.readers()
    }

    fn holds(&self) -> BoxFuture<'_, Result<Vec<LogHold>, Error>> {
        self.keeping.holds()
    }

    fn keep<'a>(&'a self, command: &'a KeepingCommand) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut command = command.clone();
            if let (Bug::ForgetsTheLiving, KeepingAction::Forget { is_forced, .. }) =
                (self.bug, &mut command.action)
            {
                *is_forced = true;
            }
            self.keeping.keep(&command).await
        })
    }

    fn keeping_records(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeepingRecord>, Error>> {
        Box::pin(async move {
            let mut records = self.keeping.keeping_records(limit).await?;
            if self.bug == Bug::LosesTheLastKeepingRecord && !records.is_empty() {
                records.remove(0);
            }
            Ok(records)
        })
    }
}

impl KeepingHarness for SabotagedHarness {
    fn keeping(&self) -> Arc<dyn LogKeeping> {
        self.saboteur.clone()
    }

    fn relay_log(&self) -> Arc<dyn RelayLog> {
        self.memory.relay_log()
    }
}
