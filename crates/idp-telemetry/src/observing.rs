//! Counts what it is told. Nothing here waits: counting takes a lock for the time of a look-up.

use crate::Telemetry;
use crate::families::Labels;
use crate::work_metrics::WorkMetrics;
use idp_application::{
    PresentSeen, ProjectionObserver, ProjectionSeen, PublishFailure, RelayObserver, RelaySeen,
    SendSeen, UnitOfWorkObserver, UnitOfWorkSeen,
};

impl UnitOfWorkObserver for Telemetry {
    fn observe(&self, seen: UnitOfWorkSeen<'_>) {
        let work = &self.inner.work;
        match seen {
            UnitOfWorkSeen::Committed { tenant, events, took } => {
                work.uow_commit_duration.get_or_create(&vec![]).observe(took.as_secs_f64());
                if events > 0 {
                    let labels = vec![("tenant", work.tenants.label(tenant))];
                    work.outbox_new.get_or_create(&labels).inc_by(events);
                }
            }
            UnitOfWorkSeen::Conflicted => {
                work.uow_conflicts.get_or_create(&vec![]).inc();
            }
            UnitOfWorkSeen::LookedUp { is_known } => {
                let result = if is_known { "hit" } else { "miss" };
                work.uow_lookups.get_or_create(&vec![("result", result.to_owned())]).inc();
            }
            _ => {}
        }
    }
}

impl RelayObserver for Telemetry {
    fn observe(&self, seen: RelaySeen<'_>) {
        let work = &self.inner.work;
        match seen {
            RelaySeen::Send(send) => work.sent(send),
            RelaySeen::SetAside { target, events } => {
                work.outbox_set_aside.get_or_create(&of_target(target)).inc_by(events);
            }
            RelaySeen::LogFailed { target } => {
                work.log_failures.get_or_create(&of_target(target)).inc();
            }
            RelaySeen::Fenced { target, .. } => {
                work.fenced.get_or_create(&of_target(target)).inc();
            }
            RelaySeen::Present(present) => work.present(present),
            _ => {}
        }
    }
}

impl ProjectionObserver for Telemetry {
    fn observe(&self, seen: ProjectionSeen<'_>) {
        let work = &self.inner.work;
        let of = |projection: &str| vec![("projection", projection.to_owned())];
        match seen {
            ProjectionSeen::Applied { projection, events, took, .. } => {
                let batch = of_batch("projection", projection);
                work.batch_duration.get_or_create(&batch).observe(took.as_secs_f64());
                work.projection_events.get_or_create(&of(projection)).inc_by(events);
                work.projection_stalled.get_or_create(&of(projection)).set(0.0);
            }
            ProjectionSeen::Failed { projection, is_stalled } => {
                work.projection_failures.get_or_create(&of(projection)).inc();
                let stalled = f64::from(u8::from(is_stalled));
                work.projection_stalled.get_or_create(&of(projection)).set(stalled);
            }
            _ => {}
        }
    }
}

impl WorkMetrics {
    fn sent(&self, send: &SendSeen<'_>) {
        let seconds = send.took.as_secs_f64();
        let target = of_target(send.target);
        self.batch_duration.get_or_create(&of_batch("relay", send.target)).observe(seconds);
        match send.failure {
            None => {}
            Some(PublishFailure::Refused) => {
                self.outbox_err.get_or_create(&target).inc();
            }
            Some(failure) => {
                let labels = [target.clone(), vec![("error_type", failure.code().to_owned())]];
                self.publish_retry.get_or_create(&labels.concat()).inc();
            }
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let (accepted, others) =
            (count(send.accepted), count(send.messages.len().saturating_sub(send.accepted)));
        if accepted > 0 {
            self.outbox_published.get_or_create(&target).inc_by(accepted);
            self.sent_messages.get_or_create(&of_messaging(send, None)).inc_by(accepted);
        }
        if others > 0 {
            self.sent_messages.get_or_create(&of_messaging(send, send.failure)).inc_by(others);
        }
        let operation = of_messaging(send, send.failure);
        self.operation_duration.get_or_create(&operation).observe(seconds);
    }

    fn present(&self, present: &PresentSeen<'_>) {
        let labels = of_target(present.target);
        #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 of anything")]
        let number = |number: u64| number as f64;
        self.lanes_held.get_or_create(&labels).set(number(present.lanes_held));
        self.lanes_stalled.get_or_create(&labels).set(number(present.lanes_stalled));
        self.lanes_failing.get_or_create(&labels).set(number(present.lanes_failing));
        self.keys_blocked.get_or_create(&labels).set(number(present.keys_blocked));
        self.breaker_open.get_or_create(&labels).set(f64::from(u8::from(present.bus_away)));
    }
}

fn of_target(target: &str) -> Labels {
    vec![("target", target.to_owned())]
}

fn of_batch(engine: &str, name: &str) -> Labels {
    vec![("engine", engine.to_owned()), ("name", name.to_owned())]
}

/// OpenTelemetry's attributes, with dots as underscores. A topic is named only where there is one:
/// topics made of tenants would be a series each.
fn of_messaging(send: &SendSeen<'_>, failure: Option<PublishFailure>) -> Labels {
    let destination = match send.template.contains('{') {
        true => "messaging_destination_template",
        false => "messaging_destination_name",
    };
    let mut labels = vec![
        ("messaging_system", send.system.to_owned()),
        ("messaging_operation_name", "send".to_owned()),
        ("messaging_operation_type", "send".to_owned()),
        (destination, send.template.to_owned()),
    ];
    labels.extend(failure.map(|failure| ("error_type", failure.code().to_owned())));
    labels
}
