//! Counts what it is told. Nothing here waits: counting takes a lock for the time of a look-up.

use crate::Telemetry;
use crate::families::Labels;
use crate::work_metrics::WorkMetrics;
use idp_application::{
    KeeperObserver, KeeperSeen, ProjectionObserver, ProjectionSeen, PublishFailure, RelayObserver,
    RelaySeen, SendSeen, UnitOfWorkObserver, UnitOfWorkSeen,
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
            RelaySeen::Counted { target, worker, metrics } => {
                work.relays.counted(target, worker, metrics);
            }
            RelaySeen::Ended { target, worker } => work.relays.ended(target, worker),
            _ => {}
        }
    }
}

impl ProjectionObserver for Telemetry {
    fn observe(&self, seen: ProjectionSeen<'_>) {
        let work = &self.inner.work;
        match seen {
            ProjectionSeen::Applied { projection, took, .. } => {
                let batch = of_batch("projection", projection);
                work.batch_duration.get_or_create(&batch).observe(took.as_secs_f64());
            }
            ProjectionSeen::Counted { projection, worker, status } => {
                work.projectors.counted(projection, worker, status);
            }
            ProjectionSeen::Ended { projection, worker } => {
                work.projectors.ended(projection, worker);
            }
            _ => {}
        }
    }
}

/// Keepers have no name.
const KEEPERS: &str = "";

impl KeeperObserver for Telemetry {
    fn observe(&self, seen: KeeperSeen<'_>) {
        let work = &self.inner.work;
        match seen {
            KeeperSeen::Counted { worker, metrics, held_by } => {
                work.keepers.counted(KEEPERS, worker, metrics);
                work.held_up.tell(worker, held_by, metrics.held_up_seconds);
            }
            KeeperSeen::Ended { worker } => {
                work.keepers.ended(KEEPERS, worker);
                work.held_up.tell(worker, None, 0);
            }
            _ => {}
        }
    }
}

impl WorkMetrics {
    fn sent(&self, send: &SendSeen<'_>) {
        let seconds = send.took.as_secs_f64();
        self.batch_duration.get_or_create(&of_batch("relay", send.target)).observe(seconds);
        if let Some(failure) = send.failure.filter(|f| *f != PublishFailure::Refused) {
            let code = failure.code().to_owned();
            let labels = vec![("target", send.target.to_owned()), ("error_type", code)];
            self.publish_retry.get_or_create(&labels).inc();
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let (accepted, others) =
            (count(send.accepted), count(send.messages.len().saturating_sub(send.accepted)));
        if accepted > 0 {
            self.sent_messages.get_or_create(&of_messaging(send, None)).inc_by(accepted);
        }
        if others > 0 {
            self.sent_messages.get_or_create(&of_messaging(send, send.failure)).inc_by(others);
        }
        let operation = of_messaging(send, send.failure);
        self.operation_duration.get_or_create(&operation).observe(seconds);
    }
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
