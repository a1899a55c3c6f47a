//! Reading in a scope.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, count_for};
use crate::eventually::eventually;
use crate::fixture::tenant;
use idp_application::{Backend, Cursor, TenantScope, TrackEvent, TrackReading};
use idp_domain::Uuid;
use std::sync::Arc;

clauses! {
    macro tenants_scopes of tenants::scopes;
    a_scope_gives_the_events_of_the_lane_with_its_own_envelopes,
    a_limit_counts_what_the_scope_leaves_out,
    several_lanes_are_read_at_once_each_in_its_scope,
    a_lane_without_news_has_no_events,
}

/// Five events of two tenants, in turn but for the last.
async fn mixed(store: &Arc<dyn Backend>) {
    for _ in 0..2 {
        count(store, &[1]).await;
        count_for(store, "globex", &[1]).await;
    }
    count_for(store, "globex", &[2]).await;
}

/// Reads the one lane of a courier to the end, in a scope, with so many events a time.
async fn read_all(
    courier: &Courier,
    scope: &TenantScope,
    limit: u32,
    count: usize,
) -> Vec<TrackEvent> {
    let lease = courier.follower.leases[0];
    let (mut events, mut cursor) = (Vec::new(), lease.cursor);
    eventually(&format!("{count} events"), async || {
        let reading = TrackReading { lane: lease.lane, cursor, scope: scope.clone() };
        let read = courier.store.read_tracks(&[reading], limit).await.expect("it can be read");
        for batch in read {
            assert_eq!(batch.lane, lease.lane);
            assert!(batch.events.len() <= usize::try_from(limit).expect("few"));
            assert!(batch.through >= batch.events.last().map_or(cursor, |event| event.cursor));
            cursor = batch.through;
            events.extend(batch.events);
        }
        (events.len() >= count).then_some(())
    })
    .await;
    events
}

fn places(events: &[TrackEvent]) -> Vec<(Cursor, Option<Uuid>)> {
    events.iter().map(|e| (e.cursor, e.envelope.as_ref().map(|e| e.event_id))).collect()
}

/// And with the others without theirs.
pub async fn a_scope_gives_the_events_of_the_lane_with_its_own_envelopes<H: Harness>(harness: H) {
    let store = harness.backend();
    mixed(&store).await;
    let mut courier = Courier::start(&store).await;
    let start = courier.follower.leases[0];
    let all = courier.follower.take(5).await;
    courier.follower.leases[0] = start;
    let (acme, globex, none) = (tenant("acme"), tenant("globex"), tenant("initech"));
    let scopes = [
        TenantScope::Only(acme.clone()),
        TenantScope::Only(none.clone()),
        TenantScope::Except(vec![acme.clone()]),
        TenantScope::Except(vec![acme, globex]),
        TenantScope::Except(vec![none]),
        TenantScope::Except(Vec::new()),
    ];
    for scope in scopes {
        let expected = all.iter().map(|(_, event)| TrackEvent {
            cursor: event.cursor,
            envelope: Some(event.envelope.clone()).filter(|e| scope.admits(&e.tenant)),
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(read_all(&courier, &scope, 100, 5).await, expected, "{scope:?}");
    }
}

/// So that a read ends, however much it passes over.
pub async fn a_limit_counts_what_the_scope_leaves_out<H: Harness>(harness: H) {
    let store = harness.backend();
    mixed(&store).await;
    let courier = Courier::start(&store).await;
    let scope = TenantScope::Only(tenant("acme"));
    let all = read_all(&courier, &scope, 100, 5).await;
    for limit in [1, 2, 3] {
        let read = read_all(&courier, &scope, limit, 5).await;
        assert_eq!(places(&read), places(&all), "{limit} at a time");
    }
}

/// The limit holds for all of them together.
pub async fn several_lanes_are_read_at_once_each_in_its_scope<H: Harness>(harness: H) {
    let store = harness.backend();
    let numbers: Vec<u128> = (1..=12).collect();
    count(&store, &numbers).await;
    count_for(&store, "globex", &numbers).await;
    let courier = Courier::of_all_lanes(&store).await;
    let scope = |place: usize| match place % 2 {
        0 => TenantScope::Only(tenant("acme")),
        _ => TenantScope::Except(vec![tenant("acme")]),
    };
    let mut readings: Vec<TrackReading> = Vec::new();
    for (place, lease) in courier.follower.leases.iter().enumerate() {
        readings.push(TrackReading { lane: lease.lane, cursor: lease.cursor, scope: scope(place) });
    }
    let mut found = 0;
    eventually("all events", async || {
        let batches = store.read_tracks(&readings, 7).await.expect("they can be read");
        let count: usize = batches.iter().map(|batch| batch.events.len()).sum();
        assert!(count <= 7, "{count} events, 7 asked for");
        for batch in batches {
            let reading = readings.iter_mut().find(|reading| reading.lane == batch.lane);
            let reading = reading.expect("a lane that was asked for");
            let envelopes = batch.events.iter().filter_map(|event| event.envelope.as_ref());
            assert!(envelopes.map(|e| &e.tenant).all(|tenant| reading.scope.admits(tenant)));
            reading.cursor = batch.through;
        }
        found += count;
        (found >= 24).then_some(())
    })
    .await;
    assert_eq!(found, 24);
}

/// At most its cursor moves.
pub async fn a_lane_without_news_has_no_events<H: Harness>(harness: H) {
    let store = harness.backend();
    mixed(&store).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(5, &[]).await;
    let lease = courier.follower.leases[0];
    let scope = TenantScope::Only(tenant("acme"));
    let reading = TrackReading { lane: lease.lane, cursor: lease.cursor, scope };
    let read = store.read_tracks(&[reading], 100).await.expect("it can be read");
    assert!(read.iter().all(|batch| batch.events.is_empty() && batch.through >= lease.cursor));
}
