//! Broken desks of operators.

use super::{Bug, Saboteur};
use idp_application::{
    BoxFuture, DeadLetterAction, DeadLetterCommand, DeadLetterRecord, DeadLetters, DeliveryKey,
    Error, ErrorKind, ParkedEvent, ParkedKey,
};
use idp_domain::TenantId;

impl DeadLetters for Saboteur {
    fn parked<'a>(
        &'a self,
        reader: &'a str,
        tenant: Option<&'a TenantId>,
        after: Option<&'a DeliveryKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<ParkedKey>, Error>> {
        Box::pin(async move {
            let tenant = tenant.filter(|_| self.bug != Bug::MixesTenantsUp);
            let after = after.filter(|_| self.bug != Bug::ListsFromTheStart);
            let mut parked = self.store.parked(self.reader(reader), tenant, after, limit).await?;
            if self.bug == Bug::CountsWhatItWasTold {
                let refusals = self.remembered().refusals;
                parked.iter_mut().for_each(|parked| parked.attempts = refusals);
            }
            Ok(parked)
        })
    }

    fn events<'a>(
        &'a self,
        reader: &'a str,
        key: &'a DeliveryKey,
    ) -> BoxFuture<'a, Result<Vec<ParkedEvent>, Error>> {
        Box::pin(async move {
            let mut events = self.store.events(self.reader(reader), key).await?;
            if self.bug == Bug::HidesEdits {
                events.iter_mut().for_each(|event| event.is_edited = false);
            }
            Ok(events)
        })
    }

    fn command<'a>(
        &'a self,
        reader: &'a str,
        command: &'a DeadLetterCommand,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let commands = {
                let mut memory = self.remembered();
                memory.commands += 1;
                memory.commands
            };
            if self.bug == Bug::IsLockedOutNowAndThen && commands.is_multiple_of(5) {
                return Err(Error::new(ErrorKind::Timeout, "command", "a lock took too long"));
            }
            let command = self.distorted_command(reader, command).await?;
            let result = self.store.command(self.reader(reader), &command).await;
            if self.bug == Bug::RecordsALittleLater {
                tokio::task::yield_now().await;
            }
            if result.is_ok() {
                self.remembered().commands_kept += 1;
            }
            match (self.bug, &command.action) {
                (Bug::ResumesTwice, DeadLetterAction::Resume) => Ok(()),
                _ => result,
            }
        })
    }

    fn records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<DeadLetterRecord>, Error>> {
        Box::pin(async move {
            let mut records = self.store.records(self.reader(reader), limit).await?;
            match self.bug {
                Bug::LosesTheLastRecord => drop(records.drain(..records.len().min(1))),
                Bug::RecordsALittleLater => {
                    let kept = self.remembered().commands_kept;
                    records.drain(..records.len().saturating_sub(kept));
                }
                Bug::ListsTheOldestRecordFirst => records.reverse(),
                _ => {}
            }
            Ok(records)
        })
    }
}

impl Saboteur {
    fn reader<'r>(&self, reader: &'r str) -> &'r str {
        if self.bug == Bug::MixesReadersUp && reader == "second" { "first" } else { reader }
    }

    async fn distorted_command(
        &self,
        reader: &str,
        command: &DeadLetterCommand,
    ) -> Result<DeadLetterCommand, Error> {
        let mut command = command.clone();
        match (self.bug, &command.action) {
            (Bug::IgnoresRevisions, _) => {
                let parked = self.store.parked(reader, None, None, 100).await?;
                let parked = parked.iter().find(|parked| parked.key == command.key);
                command.revision = parked.map_or(command.revision, |parked| parked.revision);
            }
            (Bug::DiscardsTheWholeKey, DeadLetterAction::Discard { .. }) => {
                command.action = DeadLetterAction::DiscardKey;
            }
            (Bug::ResumesAfterAnEdit, DeadLetterAction::Edit { .. }) => {
                self.store.command(reader, &command).await?;
                let parked = self.store.parked(reader, None, None, 100).await?;
                let parked = parked.iter().find(|parked| parked.key == command.key);
                command.revision = parked.map_or(command.revision, |parked| parked.revision);
                command.action = DeadLetterAction::Resume;
            }
            _ => {}
        }
        Ok(command)
    }
}
