//! `route-planning log …`: what the log is kept for, and what an operator does about it.

use super::one_line::OneLine;
use super::operator::Signature;
use crate::bootstrap::Core;
use crate::settings::Settings;
use clap::{Subcommand, ValueEnum};
use idp::application::{
    BoxError, HoldFrom, KeepingAction, KeepingCommand, KeepingRecord, LogHold, Reader, ReaderStatus,
};
use idp::prelude::*;
use std::io::Write;

/// What can be done about what the log keeps.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// List who reads the log, and since when the oldest event is there that each has not passed
    Readers,
    /// List the holds
    Holds,
    /// Keep the log from somewhere on, whoever has read it, until the hold is released
    Hold {
        /// The name of the hold, which no other has
        name: String,
        /// From where on
        #[arg(long, value_enum, default_value_t = Place::Oldest)]
        from: Place,
        #[command(flatten)]
        signature: Signature,
    },
    /// Let a hold go
    Release {
        /// The name of the hold
        name: String,
        #[command(flatten)]
        signature: Signature,
    },
    /// Remove a reader that never comes back, so that the log is not kept for it
    Forget {
        /// The name of the reader
        reader: String,
        /// Also when workers of it are alive, or events are set aside for it: those are lost to it
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        signature: Signature,
    },
    /// List what operators did, the latest first
    Records {
        /// The most lines
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

/// Where a hold begins.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Place {
    /// All that is there
    Oldest,
    /// What is committed from now on
    Newest,
}

/// Does it.
pub(crate) async fn log(
    settings: Settings,
    command: LogCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let (action, signature) = match command {
        LogCommand::Readers => return readers(&Core::open(&settings.database).await?, out).await,
        LogCommand::Holds => return holds(&Core::open(&settings.database).await?, out).await,
        LogCommand::Records { limit } => {
            return records(&Core::open(&settings.database).await?, limit, out).await;
        }
        LogCommand::Hold { name, from, signature } => {
            if let Some(fault) = Reader::name_fault("NAME", &name) {
                return Err(fault.into());
            }
            let from = match from {
                Place::Oldest => HoldFrom::Oldest,
                Place::Newest => HoldFrom::Newest,
            };
            (KeepingAction::Hold { name, from }, signature)
        }
        LogCommand::Release { name, signature } => (KeepingAction::Release { name }, signature),
        LogCommand::Forget { reader, force: is_forced, signature } => {
            (KeepingAction::Forget { reader, is_forced }, signature)
        }
    };
    keep(&Core::open(&settings.database).await?, action, &signature, out).await
}

async fn keep(
    core: &Core,
    action: KeepingAction,
    signature: &Signature,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let (actor, reason) = signature.parts();
    let command = KeepingCommand { actor, action, reason };
    let KeepingCommand { action, .. } = &command;
    match core.backend().keep(&command).await {
        Ok(()) => Ok(writeln!(out, "{} of {} is recorded", action.code(), action.subject())?),
        Err(error) => Err(explained(action, error)),
    }
}

/// The same by the name of the argument.
fn explained(action: &KeepingAction, error: Error) -> BoxError {
    let argument = match action {
        KeepingAction::Hold { .. } | KeepingAction::Release { .. } => "NAME",
        KeepingAction::Forget { .. } => "READER",
    };
    let message = error.message();
    match error.kind() {
        ErrorKind::Conflict => {
            format!("`{argument}`: {message}; `--force` forgets it all the same")
        }
        ErrorKind::NotFound | ErrorKind::Duplicate => format!("`{argument}`: {message}"),
        _ => return error.into(),
    }
    .into()
}

async fn readers(core: &Core, out: &mut (dyn Write + Send)) -> Result<(), BoxError> {
    for reader in core.backend().readers().await? {
        let ReaderStatus { name, workers_live, events_aside, events_missed, .. } = &reader;
        let since = reader.furthest_behind.since;
        let since = since.map_or("nothing".to_owned(), |since| format!("events since {since}"));
        writeln!(
            out,
            "{name}: {since} to read, {events_aside} set aside, {events_missed} missed, \
             {workers_live} workers"
        )?;
    }
    Ok(())
}

async fn holds(core: &Core, out: &mut (dyn Write + Send)) -> Result<(), BoxError> {
    for LogHold { name, since, .. } in core.backend().holds().await? {
        writeln!(out, "{} since {since}", OneLine(&name))?;
    }
    Ok(())
}

async fn records(core: &Core, limit: u32, out: &mut (dyn Write + Send)) -> Result<(), BoxError> {
    for record in core.backend().keeping_records(limit).await? {
        let KeepingRecord { at, actor, action, subject, reason } = &record;
        let [actor, subject, reason] = [actor, subject, reason].map(|text| OneLine(text));
        writeln!(out, "{at} {action} {subject} by {actor}: {reason}")?;
    }
    Ok(())
}
