//! `route-planning outbox …`: what leaves, what could not, and what an operator does about it.

mod letters;
mod look;
mod replay;

use super::operator::{Signature, TargetChoice};
use crate::settings::Settings;
use clap::{Args, Subcommand};
use idp::application::{BoxError, DeadLetterAction, DeliveryKey};
use idp::domain::Uuid;
use idp::prelude::*;
use replay::ReplayArguments;
use std::io::Write;
use std::path::PathBuf;

/// What can be done about events on their way out.
#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Tell how far targets are, and which keys wait for an operator
    Status {
        /// Only this target
        #[arg(long, value_name = "NAME")]
        target: Option<String>,
    },
    /// List the keys that are parked, or resumed and not sent yet: KEY REVISION STATE …
    Parked {
        #[command(flatten)]
        target: TargetChoice,
        /// Only keys of this tenant
        #[arg(long)]
        tenant: Option<TenantId>,
    },
    /// Show the events of a parked key, with their payloads
    Show {
        /// Which key, as `outbox parked` lists it: TENANT/AGGREGATE
        key: DeliveryKey,
        /// Only the payload of this event
        #[arg(long, value_name = "ID")]
        event: Option<Uuid>,
        #[command(flatten)]
        target: TargetChoice,
    },
    /// Send the events of a parked key, in their order
    Resume(Order),
    /// Replace the payload of an event of a parked key; the key stays parked
    Edit {
        #[command(flatten)]
        order: Order,
        /// Which event
        #[arg(long, value_name = "ID")]
        event: Uuid,
        /// A file with the new payload, which must be JSON; - is the standard input
        #[arg(long, value_name = "FILE")]
        payload: PathBuf,
    },
    /// Never send one event of a parked key; the others stay parked
    Discard {
        #[command(flatten)]
        order: Order,
        /// Which event
        #[arg(long, value_name = "ID")]
        event: Uuid,
    },
    /// Never send any event of a parked key that is parked now; later ones are sent again
    DiscardKey(Order),
    /// List what operators did about parked keys, the latest first
    Records {
        #[command(flatten)]
        target: TargetChoice,
        /// The most lines
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Send a part of the log to the bus that is set once more, under a name of its own
    Replay(ReplayArguments),
}

/// What every order about a parked key says.
#[derive(Clone, Debug, Args)]
pub(crate) struct Order {
    /// Which key, as `outbox parked` lists it: TENANT/AGGREGATE
    key: DeliveryKey,
    /// The revision of the key that was looked at; if it is another one by now, nothing is done
    #[arg(long, value_name = "NUMBER")]
    revision: i64,
    #[command(flatten)]
    target: TargetChoice,
    #[command(flatten)]
    signature: Signature,
}

/// Does it.
pub(crate) async fn outbox(
    settings: Settings,
    command: OutboxCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let (order, action) = match command {
        OutboxCommand::Status { target } => return look::status(&settings, target, out).await,
        OutboxCommand::Parked { target, tenant } => {
            return look::parked(&settings, &target, tenant.as_ref(), out).await;
        }
        OutboxCommand::Show { key, event, target } => {
            return look::show(&settings, &target, (&key, event), out).await;
        }
        OutboxCommand::Records { target, limit } => {
            return look::records(&settings, &target, limit, out).await;
        }
        OutboxCommand::Replay(arguments) => return replay::replay(settings, arguments, out).await,
        OutboxCommand::Resume(order) => (order, DeadLetterAction::Resume),
        OutboxCommand::DiscardKey(order) => (order, DeadLetterAction::DiscardKey),
        OutboxCommand::Discard { order, event } => (order, DeadLetterAction::Discard { event }),
        OutboxCommand::Edit { order, event, payload } => {
            let payload = letters::payload(&payload)?;
            (order, DeadLetterAction::Edit { event, payload })
        }
    };
    letters::obey(&settings, order, action, out).await
}
