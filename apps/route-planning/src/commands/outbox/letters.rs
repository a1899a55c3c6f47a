//! What an operator does about a parked key.

use super::Order;
use crate::bootstrap::Core;
use crate::settings::Settings;
use idp::application::{
    BoxError, DeadLetterAction, DeadLetterCommand, DeadLetters, ErrorKind, ParkedKey,
};
use idp::prelude::*;
use std::io::{Read, Write};
use std::path::Path;

/// What stands in the file, or on the standard input.
pub(super) fn payload(file: &Path) -> Result<String, BoxError> {
    let read = match file.as_os_str() == "-" {
        false => std::fs::read_to_string(file),
        true => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        }
    };
    read.map_err(|error| format!("`--payload`: {}: {error}", file.display()).into())
}

/// Does it, and tells how the key is then.
pub(super) async fn obey(
    settings: &Settings,
    order: Order,
    action: DeadLetterAction,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let core = Core::open(&settings.database).await?;
    let target = order.target.find(&core, settings).await?;
    let (actor, reason) = order.signature.parts();
    let Order { key, revision, .. } = order;
    let command = DeadLetterCommand { actor, key, revision, action, reason };
    if let Err(error) = core.backend().command(&target, &command).await {
        return Err(explained(core.backend(), &target, &command, error).await);
    }
    let (key, action) = (&command.key, command.action.code());
    writeln!(out, "{action} of {key} is recorded")?;
    match ParkedKey::find(core.backend(), &target, key).await? {
        Some(ParkedKey { is_parked: true, events, revision, .. }) => {
            writeln!(out, "{events} events of it are parked, its revision is {revision}")?;
        }
        Some(ParkedKey { events, .. }) => writeln!(out, "{events} events of it are to be sent")?,
        None => writeln!(out, "nothing of it is set aside any more")?,
    }
    Ok(())
}

/// What is wrong with the order, by the name of the argument. Nothing was changed; so what is looked up now
/// only makes the answer clearer.
async fn explained(
    letters: &(impl DeadLetters + ?Sized),
    target: &str,
    command: &DeadLetterCommand,
    error: Error,
) -> BoxError {
    let DeadLetterCommand { key, revision, action, .. } = command;
    let refusals = [ErrorKind::NotFound, ErrorKind::Conflict, ErrorKind::Invalid];
    if !refusals.contains(&error.kind()) {
        return error.into();
    }
    let now = match ParkedKey::find(letters, target, key).await {
        Ok(now) => now,
        Err(_) => return error.into(),
    };
    let message = error.message();
    let is_edit = matches!(action, DeadLetterAction::Edit { .. });
    match (error.kind(), now) {
        (ErrorKind::Invalid, _) if is_edit => format!("`--payload`: {message}"),
        (_, None) => format!("`KEY`: {key} is neither parked nor resumed for {target}"),
        (_, Some(now)) if now.revision != *revision => format!(
            "`--revision`: {key} was changed since, its revision is {} and not {revision}; look at it again",
            now.revision
        ),
        (ErrorKind::NotFound, Some(_)) => format!("`--event`: {message} {key}"),
        (_, Some(_)) => format!("`KEY`: {key}: {message}"),
    }
    .into()
}
