//! `route-planning archive verify` and `route-planning archive replay`

use crate::bootstrap::Core;
use crate::outlet::Outlet;
use crate::settings::Settings;
use clap::Subcommand;
use idp::application::BoxError;
use idp::keeper::{Archive, ArchiveReport, ArchiveSelection, DirectoryArchive, Replay};
use idp::prelude::*;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// What can be done with the archive of the log.
#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// Read all of it, and hold it against what the database says was archived
    Verify,
    /// Send its events to the bus that is set once more, as they were sent at first
    Replay {
        /// Only events of this tenant
        #[arg(long)]
        tenant: Option<TenantId>,
        /// Under which name: a broker that drops duplicates drops what it had under the same
        #[arg(long, default_value = "replay")]
        name: String,
    },
}

/// Does it with the archive that is set.
pub(crate) async fn archive(
    settings: Settings,
    command: ArchiveCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let folder = settings.log.archive.clone().ok_or("log.archive is not set: there is none")?;
    match command {
        ArchiveCommand::Verify => verify(&settings, &folder, out).await,
        ArchiveCommand::Replay { tenant, name } => {
            let of_tenant = |tenant| ArchiveSelection::all().tenants([tenant]);
            let selection = tenant.map_or_else(ArchiveSelection::all, of_tenant);
            replay(&settings, &folder, (name, selection), out).await
        }
    }
}

async fn verify(
    settings: &Settings,
    folder: &Path,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let core = Core::open(&settings.database).await?;
    // Before the archive is opened, so that all of it must be there.
    let recorded = core.archived().await?;
    let report = open(folder).await?.verify_against(&recorded).await?;
    let ArchiveReport { events, segments, .. } = report;
    writeln!(out, "{}: {events} events in {segments} segments", folder.display())?;
    for damage in &report.damages {
        writeln!(out, "damaged: {damage}")?;
    }
    for gap in &report.gaps {
        writeln!(out, "missing: events {} to {} of {:?}", gap.first, gap.last, gap.lane)?;
    }
    if !report.is_whole() {
        return Err("the archive is not whole".into());
    }
    Ok(writeln!(out, "It is whole.")?)
}

async fn replay(
    settings: &Settings,
    folder: &Path,
    (name, selection): (String, ArchiveSelection),
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let archive = open(folder).await?;
    let Outlet { bus, .. } = Outlet::open(&settings.relay.bus).await?;
    let topic = settings.relay.topic.clone();
    let replay = Replay::new(name, bus).source(Outlet::SOURCE);
    let report = replay.topic(move |event| topic.topic_of(event)).run(&archive, selection).await?;
    Ok(writeln!(out, "{} events were sent again", report.published)?)
}

/// The archive must be there: one that is made because its folder is misspelt would be whole.
async fn open(folder: &Path) -> Result<Archive, BoxError> {
    if !folder.is_dir() {
        return Err(format!("log.archive: {} is no folder", folder.display()).into());
    }
    Ok(Archive::open(Arc::new(DirectoryArchive::open(folder)?)).await?)
}
