//! The metrics of how things stand, as the last look at the lag told.

use crate::TelemetryConfig;
use crate::bounded::{Behind, furthest};
use crate::families::{Counters, Gauges, Labels, counters, gauges, second_gauges};
use idp_application::{Blocker, LagReport, ReaderLag, TenantLag};
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;

/// One family a field, under the name of the metric.
pub(crate) struct LagMetrics {
    tenants_max: usize,
    lanes_max: usize,

    pub(crate) sample_failures: Counters,
    sampled_at: Gauges,

    workers: Gauges,
    target: Pair,
    lane: Pair,
    tenant: Pair,
    truncated: Gauges,
    keys_parked: Gauges,
    parked_seconds: Gauges,
    events_aside: Gauges,
    blocker_age: Gauges,
    blocker_bytes: Gauges,
}

/// A lag in events and in seconds.
struct Pair {
    events: Gauges,
    seconds: Gauges,
}

impl Pair {
    fn set(&self, labels: &Labels, behind: Behind) {
        self.events.get_or_create(labels).set(number(behind.events));
        self.seconds.get_or_create(labels).set(behind.seconds);
    }

    fn clear(&self) {
        self.events.clear();
        self.seconds.clear();
    }
}

impl LagMetrics {
    pub(crate) fn register(r: &mut Registry, config: &TelemetryConfig) -> Self {
        let mut pair = |of: &str, events: &str, seconds: &str| Pair {
            events: gauges(r, &format!("{of}_events"), events),
            seconds: second_gauges(r, of, seconds),
        };
        let target = pair("outbox_lag", "Events not passed", "Age of the oldest event not passed");
        let lane = pair("outbox_lane_lag", "The same by lane", "The same by lane");
        let tenant = pair("outbox_tenant_lag", "The same by tenant", "The same by tenant");
        Self {
            tenants_max: config.tenants_max,
            lanes_max: config.lanes_max,
            sample_failures: counters(r, "outbox_lag_sample_failures", "Failed looks at the lag"),
            sampled_at: second_gauges(
                r,
                "outbox_lag_sample_timestamp",
                "When the lag was looked at, in seconds since 1970",
            ),
            workers: gauges(r, "outbox_reader_workers", "Workers that are alive"),
            target,
            lane,
            tenant,
            truncated: gauges(
                r,
                "outbox_lag_truncated",
                "Whether the lag is at least what is told",
            ),
            keys_parked: gauges(r, "outbox_keys_parked", "Keys that wait for an operator"),
            parked_seconds: second_gauges(r, "outbox_parked", "Age of the oldest parked key"),
            events_aside: gauges(r, "outbox_events_aside", "Events that are set aside"),
            blocker_age: second_gauges(
                r,
                "outbox_blocker_age",
                "How long something holds things up",
            ),
            blocker_bytes: gauges(r, "outbox_blocker_bytes", "What the server keeps for it"),
        }
    }

    /// Takes the place of the report before.
    pub(crate) fn show(&self, report: &LagReport) {
        self.clear();
        let at = report.now.unix_micros();
        #[expect(clippy::cast_precision_loss, reason = "microseconds are lost in the year 2255")]
        self.sampled_at.get_or_create(&vec![]).set(at as f64 / 1e6);
        report.readers.iter().for_each(|reader| self.show_reader(report, reader));
        report.blockers.iter().for_each(|blocker| self.show_blocker(report, blocker));
    }

    fn clear(&self) {
        [&self.target, &self.lane, &self.tenant].into_iter().for_each(Pair::clear);
        let gauges = [
            &self.workers,
            &self.truncated,
            &self.keys_parked,
            &self.parked_seconds,
            &self.events_aside,
            &self.blocker_age,
            &self.blocker_bytes,
        ];
        gauges.into_iter().for_each(|gauge| gauge.clear());
    }

    fn show_reader(&self, report: &LagReport, reader: &ReaderLag) {
        let target = vec![("target", reader.name.clone())];
        let with =
            |name: &'static str, value: String| [target.clone(), vec![(name, value)]].concat();
        self.workers.get_or_create(&target).set(f64::from(reader.workers_live));
        let truncated = f64::from(u8::from(!reader.is_complete));
        self.truncated.get_or_create(&target).set(truncated);
        let all = reader.lags.iter().map(|lag| behind(report, lag)).reduce(Behind::and);
        self.target.set(&target, all.unwrap_or_default());
        let by_lane = grouped(report, reader, |lag| lag.lane.number().to_string());
        for (lane, behind) in furthest(by_lane, self.lanes_max) {
            self.lane.set(&with("lane", lane), behind);
        }
        let by_tenant = grouped(report, reader, |lag| lag.tenant.to_string());
        for (tenant, behind) in furthest(by_tenant, self.tenants_max) {
            self.tenant.set(&with("tenant", tenant), behind);
        }
        self.keys_parked.get_or_create(&target).set(number(reader.keys_parked));
        let parked = reader.parked_since.map(|since| report.age(since).as_secs_f64());
        self.parked_seconds.get_or_create(&target).set(parked.unwrap_or_default());
        let aside = [("blocked", reader.events_blocked), ("scheduled", reader.events_scheduled)];
        for (reason, events) in aside {
            let labels = with("reason", reason.to_owned());
            self.events_aside.get_or_create(&labels).set(number(events));
        }
    }

    fn show_blocker(&self, report: &LagReport, blocker: &Blocker) {
        let held = [
            ("windows", blocker.holds_windows),
            ("vacuum", blocker.holds_vacuum),
            ("purge", blocker.holds_purge),
        ];
        let held = held.iter().filter(|(_, is_held)| *is_held).map(|(name, _)| *name);
        let labels = vec![
            ("kind", blocker.kind.code().to_owned()),
            ("name", blocker.name.clone()),
            ("pid", blocker.pid.map(|pid| pid.to_string()).unwrap_or_default()),
            ("holds", held.collect::<Vec<_>>().join("+")),
        ];
        if let Some(since) = blocker.since {
            let age = report.age(since).as_secs_f64();
            self.blocker_age.get_or_create(&labels).set(age);
        }
        if let Some(bytes) = blocker.bytes {
            self.blocker_bytes.get_or_create(&labels).set(number(bytes));
        }
    }
}

fn behind(report: &LagReport, lag: &TenantLag) -> Behind {
    Behind { events: lag.events, seconds: report.age(lag.oldest).as_secs_f64() }
}

fn grouped(
    report: &LagReport,
    reader: &ReaderLag,
    name: impl Fn(&TenantLag) -> String,
) -> Vec<(String, Behind)> {
    let mut groups: BTreeMap<String, Behind> = BTreeMap::new();
    for lag in &reader.lags {
        let known = groups.entry(name(lag)).or_default();
        *known = known.and(behind(report, lag));
    }
    groups.into_iter().collect()
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 of anything")]
fn number(number: u64) -> f64 {
    number as f64
}
