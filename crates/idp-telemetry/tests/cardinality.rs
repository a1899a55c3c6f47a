//! However many tenants and lanes there are, the series stay bounded, and nothing is left out of the
//! sums.

mod exposition;

use exposition::Exposition;
use idp_application::{
    BoxFuture, Error, LagBounds, LagReport, Lane, LogLag, ReaderLag, Sharding, TenantLag,
    UnitOfWorkObserver, UnitOfWorkSeen,
};
use idp_domain::{TenantId, Timestamp};
use idp_telemetry::{Telemetry, TelemetryConfig};
use std::time::Duration;

const TENANTS: u16 = 500;

fn tenant(number: u16) -> TenantId {
    TenantId::new(&format!("t{number}")).expect("a tenant")
}

/// Tenant n is n seconds behind, by one event, in lane n of 100.
struct Crowd;

impl LogLag for Crowd {
    fn lag<'a>(&'a self, _: &'a LagBounds) -> BoxFuture<'a, Result<LagReport, Error>> {
        let now = Timestamp::from_unix_micros(1_700_000_000_000_000);
        let lag = |number: u16| TenantLag {
            lane: Lane::from_number(i16::try_from(number % 100).expect("small")),
            tenant: tenant(number),
            events: 1,
            oldest: Timestamp::from_unix_micros(now.unix_micros() - i64::from(number) * 1_000_000),
        };
        let reader = ReaderLag {
            name: "bus".into(),
            sharding: Sharding::ByLane,
            workers_live: 1,
            is_complete: false,
            lags: (1..=TENANTS).map(lag).collect(),
            keys_parked: 0,
            events_blocked: 0,
            events_scheduled: 0,
            parked_since: None,
        };
        Box::pin(async move { Ok(LagReport { now, readers: vec![reader], blockers: vec![] }) })
    }
}

fn telemetry() -> Telemetry {
    let config = TelemetryConfig { tenants_max: 10, lanes_max: 5, ..TelemetryConfig::default() };
    Telemetry::new(config).expect("valid")
}

fn sum(exposition: &Exposition, family: &str) -> (usize, f64) {
    let samples = &exposition.0[family].samples;
    (samples.len(), samples.values().sum())
}

#[tokio::test]
async fn the_lag_names_those_furthest_behind_and_sums_the_others() {
    let telemetry = telemetry();
    telemetry.sample(&Crowd).await.expect("it answers");
    let exposition = Exposition::parse(&telemetry.text());
    assert_eq!(sum(&exposition, "outbox_tenant_lag_events"), (11, 500.0));
    assert_eq!(sum(&exposition, "outbox_lane_lag_events"), (6, 500.0));
    let of = |label, value| [("target", "bus"), (label, value)];
    let seconds =
        |label, value| exposition.value(&format!("outbox_{label}_lag_seconds"), &of(label, value));
    assert_eq!(seconds("tenant", "t500"), Some(500.0));
    assert_eq!(seconds("tenant", "t491"), Some(491.0));
    assert_eq!(seconds("tenant", "t490"), None);
    assert_eq!(seconds("tenant", "_other"), Some(490.0));
    assert_eq!(seconds("lane", "0"), Some(500.0));
    assert_eq!(seconds("lane", "_other"), Some(495.0));
    let target = [("target", "bus")];
    assert_eq!(exposition.value("outbox_lag_events", &target), Some(500.0));
    assert_eq!(exposition.value("outbox_lag_truncated", &target), Some(1.0));
}

#[test]
fn counters_name_the_first_tenants_for_good() {
    let telemetry = telemetry();
    for round in 0..2 {
        for number in 1..=TENANTS {
            let tenant = tenant(if round == 0 { number } else { TENANTS + 1 - number });
            let took = Duration::from_millis(1);
            telemetry.observe(UnitOfWorkSeen::Committed { tenant: &tenant, events: 1, took });
        }
    }
    let exposition = Exposition::parse(&telemetry.text());
    assert_eq!(sum(&exposition, "outbox_new"), (11, 1_000.0));
    assert_eq!(exposition.value("outbox_new_total", &[("tenant", "t1")]), Some(2.0));
    assert_eq!(exposition.value("outbox_new_total", &[("tenant", "_other")]), Some(980.0));
}
