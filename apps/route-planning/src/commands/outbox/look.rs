//! What an operator sees of events on their way out.

use crate::bootstrap::Core;
use crate::commands::one_line::OneLine;
use crate::commands::operator::{TargetChoice, targets};
use crate::settings::Settings;
use idp::application::{
    BoxError, DeadLetterRecord, DeadLetters, DeliveryKey, LagBounds, ParkedEvent, ParkedKey,
    ReaderLag,
};
use idp::domain::Uuid;
use idp::prelude::*;
use std::io::Write;

/// How many parked keys of a target `outbox status` shows.
const SHOWN: u32 = 20;

const PAGE_SIZE: u32 = 500;

/// How far targets are, and what waits for an operator: one target, or all.
pub(super) async fn status(
    settings: &Settings,
    target: Option<String>,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let core = Core::open(&settings.database).await?;
    let names = match target {
        Some(name) => vec![TargetChoice::named(name).find(&core, settings).await?],
        None => targets(&core).await?.into_iter().map(|target| target.name).collect(),
    };
    let report = core.backend().lag(&LagBounds::default()).await?;
    for lag in report.readers.iter().filter(|reader| names.contains(&reader.name)) {
        writeln!(out, "{}", summary(lag))?;
        let parked = core.backend().parked(&lag.name, None, None, SHOWN + 1).await?;
        let (shown, more) = parked.split_at(parked.len().min(SHOWN as usize));
        for parked in shown {
            writeln!(out, "  {}", line(parked))?;
        }
        if !more.is_empty() {
            writeln!(out, "  and more: outbox parked --target {}", lag.name)?;
        }
    }
    if names.is_empty() {
        writeln!(out, "no target has been started yet")?;
    }
    Ok(())
}

fn summary(lag: &ReaderLag) -> String {
    let ReaderLag { name, workers_live, keys_parked, events_blocked, events_scheduled, .. } = lag;
    let least = if lag.is_complete { "" } else { "at least " };
    let unsent: u64 = lag.lags.iter().map(|lag| lag.events).sum();
    let oldest = lag.lags.iter().map(|lag| lag.oldest).min();
    let since = oldest.map(|oldest| format!(" since {oldest}")).unwrap_or_default();
    format!(
        "{name}: {least}{unsent} events to read{since}, {events_blocked} set aside, {events_scheduled} \
         scheduled, {keys_parked} keys parked, {workers_live} workers"
    )
}

/// The keys that are parked or resumed, a line each.
pub(super) async fn parked(
    settings: &Settings,
    target: &TargetChoice,
    tenant: Option<&TenantId>,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let core = Core::open(&settings.database).await?;
    let target = target.find(&core, settings).await?;
    let mut after: Option<DeliveryKey> = None;
    loop {
        let page = core.backend().parked(&target, tenant, after.as_ref(), PAGE_SIZE).await?;
        for parked in &page {
            writeln!(out, "{}", line(parked))?;
        }
        match page.into_iter().last() {
            Some(last) => after = Some(last.key),
            None => return Ok(()),
        }
    }
}

fn line(parked: &ParkedKey) -> String {
    let ParkedKey { key, revision, is_parked, events, attempts, since, last_error, .. } = parked;
    let state = if *is_parked { "parked" } else { "resumed" };
    let error = OneLine(last_error);
    format!("{key} {revision} {state} events={events} refused={attempts} since={since} {error}")
}

/// The events of a key, or the payload of one of them.
pub(super) async fn show(
    settings: &Settings,
    target: &TargetChoice,
    (key, event): (&DeliveryKey, Option<Uuid>),
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let core = Core::open(&settings.database).await?;
    let target = target.find(&core, settings).await?;
    let events = core.backend().events(&target, key).await?;
    if events.is_empty() {
        return Err(format!("`KEY`: {key} is neither parked nor resumed for {target}").into());
    }
    let Some(event) = event else {
        for event in &events {
            writeln!(out, "{}\n  {}", heading(event), OneLine(&event.envelope.payload))?;
        }
        return Ok(());
    };
    let found = events.iter().find(|waiting| waiting.envelope.event_id == event);
    let found = found.ok_or_else(|| format!("`--event`: {key} has no event {event}"))?;
    Ok(writeln!(out, "{}", OneLine(&found.envelope.payload))?)
}

fn heading(event: &ParkedEvent) -> String {
    let envelope = &event.envelope;
    let (id, name, version) = (envelope.event_id, &envelope.event_type, envelope.aggregate_version);
    let edited = if event.is_edited { ", edited" } else { "" };
    let sending = if event.is_numbered { ", being sent" } else { "" };
    format!("{id} {name} v{version} of {}{edited}{sending}", envelope.occurred_at)
}

/// What operators did, a line each.
pub(super) async fn records(
    settings: &Settings,
    target: &TargetChoice,
    limit: u32,
    out: &mut (dyn Write + Send),
) -> Result<(), BoxError> {
    let core = Core::open(&settings.database).await?;
    let target = target.find(&core, settings).await?;
    for record in DeadLetters::records(core.backend(), &target, limit).await? {
        let DeadLetterRecord { at, actor, action, key, events, reason, .. } = record;
        let (actor, reason, count) = (OneLine(&actor), OneLine(&reason), events.len());
        writeln!(out, "{at} {action} {key} events={count} by {actor}: {reason}")?;
    }
    Ok(())
}
