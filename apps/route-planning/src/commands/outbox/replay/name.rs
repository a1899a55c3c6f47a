//! The name of a replay: one process has it at a time, and it stays with one part of the log.

use crate::bootstrap::Core;
use idp::application::{Actor, BoxError, HoldFrom, KeepingAction, KeepingCommand, KeepingRecord};
use idp::prelude::*;

/// How far back it is known what a name was used for.
const RECORDS_MAX: u32 = 10_000;

/// The log is held under that name while it replays, which only one can do; the record of it says which part
/// of the log it is. Another part under the same name would begin behind what was read of the first.
pub(super) struct Name<'c> {
    core: &'c Core,
    name: &'c str,
}

impl<'c> Name<'c> {
    /// Claims a name that was never used, or, `again`, that of a replay of the same part that was
    /// interrupted.
    pub(super) async fn claim(
        core: &'c Core,
        name: &'c str,
        part: &str,
        again: bool,
    ) -> Result<Self, BoxError> {
        let this = Self { core, name };
        let readers = core.backend().readers().await?;
        let reader = readers.iter().find(|reader| reader.name == name);
        if reader.is_some_and(|reader| reader.workers_live > 0) {
            let what = "is running, or was ended by force a moment ago";
            return Err(format!("`--to`: the replay `{name}` {what}").into());
        }
        let is_held = core.backend().holds().await?.iter().any(|hold| hold.name == name);
        let records = core.backend().keeping_records(RECORDS_MAX).await?;
        this.check(part, again, is_held || reader.is_some(), &records)?;
        if !is_held {
            let hold = KeepingAction::Hold { name: name.to_owned(), from: HoldFrom::Oldest };
            this.keep(hold, part).await?;
        }
        Ok(this)
    }

    fn check(
        &self,
        part: &str,
        again: bool,
        is_begun: bool,
        records: &[KeepingRecord],
    ) -> Result<(), String> {
        let name = self.name;
        let was = |code: &str| {
            let of_it = |record: &&KeepingRecord| record.subject == name;
            records.iter().filter(of_it).find(|record| record.action.starts_with(code))
        };
        let begun_with = was("hold").map(|record| record.reason.as_str());
        match (is_begun, again) {
            (true, true) if begun_with == Some(part) => Ok(()),
            (true, true) => Err(match begun_with {
                Some(other) => {
                    format!("`--again`: the replay `{name}` is of {other}, not of {part}")
                }
                None => format!("`--to`: `{name}` is no replay"),
            }),
            (false, true) => Err(format!("`--again`: no replay `{name}` was interrupted")),
            (false, false) if was("forget").is_none() => Ok(()),
            (_, false) => Err(format!(
                "`--to`: the name `{name}` was used already: take another one, or add `--again` to go on \
                 with the same part of the log if it was interrupted"
            )),
        }
    }

    /// The reader of that name stays, if it was not forgotten.
    pub(super) async fn release(self) -> Result<(), BoxError> {
        let release = KeepingAction::Release { name: self.name.to_owned() };
        self.keep(release, "the replay has ended").await
    }

    async fn keep(&self, action: KeepingAction, reason: &str) -> Result<(), BoxError> {
        let (actor, reason) = (Actor::new("outbox replay"), reason.to_owned());
        let kept = self.core.backend().keep(&KeepingCommand { actor, action, reason }).await;
        kept.map_err(|error| match error.kind() {
            ErrorKind::Duplicate => {
                format!("`--to`: another replay `{}` has begun just now", self.name).into()
            }
            _ => error.into(),
        })
    }
}
