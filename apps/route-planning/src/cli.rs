//! The command line.

use crate::commands::{self, ArchiveCommand, LogCommand, OutboxCommand, TenantCommand};
use crate::import::InstanceFiles;
use crate::settings::{Purpose, Settings};
use clap::{Parser, Subcommand};
use idp::application::BoxError;
use idp::prelude::*;
use std::io::Write;
use std::path::PathBuf;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Route plans: created, dispatched, completed, and shown on a live board.
#[derive(Debug, Parser)]
#[command(name = "route-planning", version)]
pub struct Cli {
    /// Settings in TOML; variables named ROUTE_PLANNING__SECTION__KEY win over it
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and the page, relay events and keep the board
    Serve {
        /// Let everybody on this machine in, and show how
        #[arg(long)]
        dev: bool,
    },
    /// Turn each route of an instance (VRPLIB or Solomon) into a plan
    Import {
        /// The instance
        instance: PathBuf,
        /// Its solution; without one, routes are constructed
        solution: Option<PathBuf>,
        /// Whose plans they are
        #[arg(long)]
        tenant: TenantId,
    },
    /// Relay events to the bus that is set, as a process of its own
    Relay,
    /// Look after events on their way out: list, resume, edit and discard what was refused, and replay
    Outbox {
        #[command(subcommand)]
        command: OutboxCommand,
    },
    /// Say how the events of single tenants are carried
    Tenant {
        #[command(subcommand)]
        command: TenantCommand,
    },
    /// Look after what the log is kept for: readers and holds
    Log {
        #[command(subcommand)]
        command: LogCommand,
    },
    /// Look after the archive of the log
    Archive {
        #[command(subcommand)]
        command: ArchiveCommand,
    },
    /// Print the board of a tenant
    Board {
        /// Whose board
        #[arg(long)]
        tenant: TenantId,
    },
}

impl Cli {
    /// What the process was started with. Ends the process on `--help` and on nonsense.
    pub fn from_arguments() -> Self {
        Self::parse()
    }

    /// Does it. What a user asked for goes to `out`; the log goes to the standard error.
    pub async fn run(self, out: &mut (dyn Write + Send)) -> Result<(), BoxError> {
        start_log()?;
        let settings = self.settings()?;
        match self.command {
            Command::Serve { dev } => commands::serve(settings, dev, out).await,
            Command::Import { instance, solution, tenant } => {
                commands::import(settings, InstanceFiles { instance, solution }, tenant, out).await
            }
            Command::Outbox { command } => commands::outbox(settings, command, out).await,
            Command::Tenant { command } => commands::tenant(settings, command, out).await,
            Command::Log { command } => commands::log(settings, command, out).await,
            Command::Archive { command } => commands::archive(settings, command, out).await,
            Command::Relay => commands::relay(settings).await,
            Command::Board { tenant } => commands::board(settings, tenant, out).await,
        }
    }

    fn settings(&self) -> Result<Settings, BoxError> {
        let purpose = match self.command {
            Command::Serve { dev: false } => Purpose::Production,
            Command::Serve { dev: true } => Purpose::Development,
            Command::Import { .. }
            | Command::Relay
            | Command::Outbox { .. }
            | Command::Tenant { .. }
            | Command::Log { .. }
            | Command::Archive { .. }
            | Command::Board { .. } => Purpose::Tool,
        };
        Ok(Settings::load(self.config.as_deref(), std::env::vars_os(), purpose)?)
    }
}

/// What is logged: `RUST_LOG`, such as `info` or `warn,idp_relay=debug`; warnings without it.
fn start_log() -> Result<(), BoxError> {
    let targets = match std::env::var("RUST_LOG") {
        Ok(wanted) => wanted.parse().map_err(|error| format!("RUST_LOG: {error}"))?,
        Err(_) => Targets::new().with_default(LevelFilter::WARN),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    Ok(tracing_subscriber::registry().with(lines).with(targets).try_init()?)
}
