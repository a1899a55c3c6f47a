//! `route-planning outbox replay --to NAME`

mod name;

use self::name::Name;
use crate::bootstrap::Core;
use crate::commands::stop_signal::stop_signal;
use crate::outlet::Outlet;
use crate::settings::{RelaySettings, Settings};
use clap::Args;
use idp::application::{Actor, BoxError, KeepingAction, KeepingCommand, Reader, RelayMetrics};
use idp::prelude::*;
use idp::relay::{EventFilter, RelayHandle};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Which part of the log, and under which name.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The name that the replay has as a target, which no target has. A broker that drops duplicates drops
    /// what it had under the same name, so take a new one for every part of the log
    #[arg(long, value_name = "NAME")]
    to: String,
    /// Only events of this tenant; may be given several times
    #[arg(long)]
    tenant: Vec<TenantId>,
    /// Only events of this type, such as route_plan.created; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events that occurred then or later: an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only events that occurred before then
    #[arg(long, value_name = "TIME")]
    before: Option<Timestamp>,
    /// Go on with a replay of that name that was interrupted; give the same part of the log
    #[arg(long)]
    again: bool,
}

impl ReplayArguments {
    fn check(&self) -> Result<(), BoxError> {
        let mut faults: Vec<String> = Reader::name_fault("--to", &self.to).into_iter().collect();
        if Outlet::NAMES.contains(&self.to.as_str()) || Core::reads_for_itself(&self.to) {
            faults.push(format!("`--to` must be a name of its own, `{}` reads the log", self.to));
        }
        if self.from.zip(self.before).is_some_and(|(from, before)| from >= before) {
            faults.push("`--before` must be later than `--from`".to_owned());
        }
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ").into()) }
    }

    /// Which part, in words that are the same for the same part.
    fn words(&self) -> String {
        let tenants: BTreeSet<_> = self.tenant.iter().map(TenantId::as_str).collect();
        let types: BTreeSet<_> = self.types.iter().map(String::as_str).collect();
        let list = |what: &str, of: BTreeSet<&str>| {
            let of: Vec<_> = of.into_iter().collect();
            (!of.is_empty()).then(|| format!("{what} {}", of.join(", ")))
        };
        let time = |what: &str, at: Option<Timestamp>| at.map(|at| format!("{what} {at}"));
        let parts = [
            list("tenants", tenants),
            list("types", types),
            time("from", self.from),
            time("before", self.before),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "all events".to_owned() } else { parts.join("; ") }
    }

    fn part(&self) -> EventFilter {
        let mut part = EventFilter::all();
        if !self.tenant.is_empty() {
            part = part.tenants(self.tenant.iter().cloned());
        }
        if !self.types.is_empty() {
            part = part.event_types(&self.types);
        }
        part = self.from.into_iter().fold(part, EventFilter::occurred_from);
        self.before.into_iter().fold(part, EventFilter::occurred_before)
    }
}

/// Sends that part of the log once more, and forgets the target that it was.
pub(super) async fn replay(
    settings: Settings,
    arguments: ReplayArguments,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    arguments.check()?;
    let core = Core::open(&settings.database).await?;
    let ReplayArguments { to, again, .. } = &arguments;
    let stop = stop_signal()?;
    let name = Name::claim(&core, to, &arguments.words(), *again).await?;
    let outcome = run(&core, &arguments, &settings.relay, stop).await;
    let released = name.release().await;
    let done = outcome?;
    released?;
    writeln!(out, "{} events were sent again", done.published)?;
    if done.events_missed > 0 {
        let missed = done.events_missed;
        writeln!(out, "{missed} older ones are not in the log any more: see archive replay")?;
    }
    forget(&core, to).await
}

async fn run(
    core: &Core,
    arguments: &ReplayArguments,
    settings: &RelaySettings,
    stop: impl Future<Output = io::Result<()>>,
) -> Result<RelayMetrics, BoxError> {
    let mut stop = std::pin::pin!(stop);
    let relay = tokio::select! {
        relay = core.start_replay(&arguments.to, arguments.part(), settings) => relay?,
        asked = &mut stop => {
            asked?;
            return Err("it was stopped before it began".into());
        }
    };
    drained(relay, &arguments.to, stop).await
}

/// Ends when all was read and sent; early when somebody asks for it, or when it stands still.
async fn drained(
    relay: RelayHandle,
    name: &str,
    stop: impl Future<Output = io::Result<()>>,
) -> Result<RelayMetrics, BoxError> {
    let mut seen = relay.watch();
    let mut stop = std::pin::pin!(stop);
    let why = loop {
        tokio::select! {
            changed = seen.changed() => if changed.is_err() {
                match relay.ended().await {
                    Ok(()) => return Ok(*seen.borrow()),
                    Err(error) => break error.to_string(),
                }
            },
            asked = &mut stop => {
                asked?;
                break stopped(relay, "it was stopped").await;
            }
        }
        if seen.borrow().lanes_stalled > 0 {
            break stopped(relay, "the bus refuses so much of it that it stands still").await;
        }
    };
    let published = seen.borrow().published;
    Err(format!(
        "{why}, {published} events were sent; `outbox replay --to {name} --again` goes on, and until \
         `log forget {name}` the log is kept for it"
    )
    .into())
}

/// Says why, and what went wrong besides.
async fn stopped(relay: RelayHandle, why: &str) -> String {
    match relay.stop().await {
        Ok(()) => why.to_owned(),
        Err(error) => format!("{why}, and {error}"),
    }
}

/// Otherwise the log would be kept for it for ever. What was set aside stays until somebody looked at it.
async fn forget(core: &Core, name: &str) -> Result<(), BoxError> {
    let action = KeepingAction::Forget { reader: name.to_owned(), is_forced: false };
    let (actor, reason) = (Actor::new("outbox replay"), "the replay is done".to_owned());
    match core.backend().keep(&KeepingCommand { actor, action, reason }).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(format!(
            "not all of it: {}. See `outbox parked --target {name}`; `outbox replay --to {name} --again` \
             sends what is resumed",
            error.message()
        )
        .into()),
        ended => Ok(ended?),
    }
}
