//! Reading in a scope.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, count_for};
use crate::eventually::eventually;
use crate::fixture::tenant;
use idp_application::{
    Backend, Cursor, LOOKS_PER_EVENT, Lane, TenantScope, TrackBatch, TrackEvent, TrackReading,
};
use idp_domain::{Envelope, Uuid};
use std::sync::Arc;

clauses! {
    macro tenants_scopes of tenants::scopes;
    a_scope_gives_its_events_and_counts_those_of_the_others,
    in_pages_of_any_size_every_event_keeps_its_number,
    a_limit_counts_what_the_scope_gives_and_says_whether_there_is_more,
    a_reading_passes_over_so_many_events_and_no_more,
    a_reading_ends_where_it_is_told_to,
    several_lanes_are_read_at_once_each_in_its_scope,
    lanes_of_which_one_ends_early_are_read_to_their_ends,
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

/// Reads the one lane of a courier in a scope, to where reading ends, with so many events a time.
struct Reading<'c> {
    courier: &'c Courier,
    next: TrackReading,
    read: Vec<TrackEvent>,
}

impl<'c> Reading<'c> {
    fn of(courier: &'c Courier, scope: &TenantScope) -> Self {
        let lease = courier.follower.leases[0];
        let (lane, cursor, scope) = (lease.lane, lease.cursor, scope.clone());
        Self { courier, next: TrackReading { lane, cursor, scope, until: None }, read: Vec::new() }
    }

    /// One page; `None` when there is nothing more.
    async fn page(&mut self, limit: u32) -> Option<TrackBatch> {
        let readings = std::slice::from_ref(&self.next);
        let mut read = self.courier.store.read_tracks(readings, limit).await.expect("readable");
        assert!(read.len() <= 1, "one lane was asked for: {read:?}");
        let batch = read.pop()?;
        assert_eq!(batch.lane, self.next.lane);
        assert!(batch.given() <= usize::try_from(limit).expect("few"), "{limit}: {batch:?}");
        assert!(looked_at(&batch.events) <= limit * LOOKS_PER_EVENT, "{limit}: {batch:?}");
        check_cursors(self.next.cursor, &batch);
        self.next.cursor = batch.through;
        self.read.extend(batch.events.iter().cloned());
        Some(batch)
    }

    /// Reads until so many events were looked at, and all that there is.
    async fn all(mut self, limit: u32, count: u32) -> Vec<TrackEvent> {
        eventually(&format!("{count} events"), async || {
            while self.page(limit).await.is_some_and(|batch| batch.has_more) {}
            (looked_at(&self.read) >= count).then_some(())
        })
        .await;
        assert_eq!(looked_at(&self.read), count);
        self.read
    }
}

fn looked_at(events: &[TrackEvent]) -> u32 {
    events.iter().map(|event| event.count).sum()
}

/// Places rise, and an event that is given stands alone.
fn check_cursors(start: Cursor, batch: &TrackBatch) {
    let mut last = start;
    for event in &batch.events {
        assert!(event.cursor > last, "behind {last:?}: {batch:?}");
        assert!(event.count > 0 && (event.envelope.is_none() || event.count == 1), "{batch:?}");
        last = event.cursor;
    }
    assert!(batch.through >= last, "{batch:?}");
}

/// What is given, with its number in the lane, and its place.
fn given(events: &[TrackEvent]) -> Vec<(u32, Cursor, &Envelope)> {
    let mut number = 0;
    let mut given = Vec::new();
    for event in events {
        number += event.count;
        given.extend(event.envelope.as_ref().map(|envelope| (number, event.cursor, envelope)));
    }
    given
}

/// And with the others without theirs.
pub async fn a_scope_gives_its_events_and_counts_those_of_the_others<H: Harness>(harness: H) {
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
        let numbered = (1..).zip(&all).map(|(number, (_, event))| (number, event));
        let of_scope = numbered.filter(|(_, event)| scope.admits(&event.envelope.tenant));
        let expected: Vec<(u32, Cursor, &Envelope)> =
            of_scope.map(|(number, event)| (number, event.cursor, &event.envelope)).collect();
        let read = Reading::of(&courier, &scope).all(100, 5).await;
        assert_eq!(given(&read), expected, "{scope:?}");
    }
}

/// The number of an event is how many events stand before it, whoever reads them.
pub async fn in_pages_of_any_size_every_event_keeps_its_number<H: Harness>(harness: H) {
    let store = harness.backend();
    mixed(&store).await;
    let courier = Courier::start(&store).await;
    for scope in [TenantScope::Only(tenant("acme")), TenantScope::Except(vec![tenant("acme")])] {
        let all = Reading::of(&courier, &scope).all(100, 5).await;
        for limit in [1, 2, 3] {
            let read = Reading::of(&courier, &scope).all(limit, 5).await;
            assert_eq!(given(&read), given(&all), "{limit} at a time, {scope:?}");
        }
    }
}

/// What it passes over does not count: others with a long backlog keep nobody waiting.
pub async fn a_limit_counts_what_the_scope_gives_and_says_whether_there_is_more<H: Harness>(
    harness: H,
) {
    let store = harness.backend();
    mixed(&store).await;
    let courier = Courier::start(&store).await;
    let scope = TenantScope::Except(vec![tenant("acme")]);
    Reading::of(&courier, &scope).all(100, 5).await; // All of it is visible now.
    let mut reading = Reading::of(&courier, &scope);
    let first = reading.page(2).await.expect("there are three");
    assert_eq!(
        (first.given(), looked_at(&first.events), first.has_more),
        (2, 4, true),
        "{first:?}"
    );
    let rest = reading.page(2).await.expect("there is one more");
    assert_eq!((rest.given(), looked_at(&rest.events), rest.has_more), (1, 1, false), "{rest:?}");
}

/// So that a reading ends in time, however many there are.
pub async fn a_reading_passes_over_so_many_events_and_no_more<H: Harness>(harness: H) {
    let store = harness.backend();
    let count = LOOKS_PER_EVENT + 6;
    count_for(&store, "acme", &[1]).await;
    count_for(&store, "globex", &(0..u128::from(count - 1)).map(|_| 1).collect::<Vec<_>>()).await;
    count_for(&store, "acme", &[1]).await;
    let courier = Courier::start(&store).await;
    let scope = TenantScope::Only(tenant("acme"));
    let all = Reading::of(&courier, &scope).all(1_000, count + 1).await;
    let mut reading = Reading::of(&courier, &scope);
    let mut pages = Vec::new();
    while let Some(page) = reading.page(1).await {
        pages.push((page.given(), looked_at(&page.events) <= LOOKS_PER_EVENT));
        if !page.has_more {
            break;
        }
    }
    assert!(pages.len() > 1 && pages.iter().all(|(_, is_short)| *is_short), "{pages:?}");
    assert_eq!(given(&reading.read), given(&all));
}

/// A track is read no further than to where it meets another.
pub async fn a_reading_ends_where_it_is_told_to<H: Harness>(harness: H) {
    let store = harness.backend();
    mixed(&store).await;
    let courier = Courier::start(&store).await;
    let all = Reading::of(&courier, &TenantScope::Except(Vec::new())).all(100, 5).await;
    for scope in [TenantScope::Only(tenant("acme")), TenantScope::Except(vec![tenant("acme")])] {
        for (number, end) in (1..).zip(&all) {
            let mut reading = Reading::of(&courier, &scope);
            reading.next.until = Some(end.cursor);
            let read = reading.page(100).await.expect("there is something");
            assert!(!read.has_more && read.through <= end.cursor, "{number}, {scope:?}: {read:?}");
            assert_eq!(looked_at(&read.events), number, "{scope:?}: {read:?}");
            assert_eq!(reading.page(100).await.map_or(0, |b| b.events.len()), 0, "{scope:?}");
        }
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
        let (lane, cursor, scope) = (lease.lane, lease.cursor, scope(place));
        readings.push(TrackReading { lane, cursor, scope, until: None });
    }
    let mut found: Vec<(Lane, Uuid)> = Vec::new();
    eventually("the events of all scopes", async || {
        let batches = store.read_tracks(&readings, 7).await.expect("they can be read");
        let count: usize = batches.iter().map(TrackBatch::given).sum();
        assert!(count <= 7, "{count} events, 7 asked for");
        let has_more = batches.iter().any(|batch| batch.has_more);
        for batch in batches {
            let reading = readings.iter_mut().find(|reading| reading.lane == batch.lane);
            let reading = reading.expect("a lane that was asked for");
            let envelopes = || batch.events.iter().filter_map(|event| event.envelope.as_ref());
            assert!(envelopes().all(|event| reading.scope.admits(&event.tenant)));
            found.extend(envelopes().map(|event| (batch.lane, event.event_id)));
            reading.cursor = batch.through;
        }
        (!has_more).then_some(())
    })
    .await;
    let mut expected = Vec::new();
    for (place, lease) in courier.follower.leases.iter().enumerate() {
        let batches = store.read(&[*lease], 100).await.expect("it can be read");
        let events = batches.into_iter().flat_map(|batch| batch.events);
        let events = events.filter(|event| scope(place).admits(&event.envelope.tenant));
        expected.extend(events.map(|event| (lease.lane, event.envelope.event_id)));
    }
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(!found.is_empty());
}

/// What stands behind the end of one does not count for the others.
pub async fn lanes_of_which_one_ends_early_are_read_to_their_ends<H: Harness>(harness: H) {
    let store = harness.backend();
    let numbers: Vec<u128> = (1..=12).collect();
    for _ in 0..6 {
        count(&store, &numbers).await;
    }
    let courier = Courier::of_all_lanes(&store).await;
    for limit in [5, 40, 500] {
        let (mut readings, mut expected) = (Vec::new(), Vec::new());
        for lease in &courier.follower.leases {
            let batches = store.read(&[*lease], 500).await.expect("it can be read");
            let events: Vec<_> = batches.into_iter().flat_map(|batch| batch.events).collect();
            let wanted = if readings.is_empty() { 1 } else { events.len() };
            let Some(last) = events[..wanted.min(events.len())].last() else { continue };
            let (lane, cursor, until) = (lease.lane, lease.cursor, Some(last.cursor));
            let scope = TenantScope::Only(tenant("acme"));
            readings.push(TrackReading { lane, cursor, scope, until });
            expected.extend(events[..wanted].iter().map(|e| (lane, e.envelope.event_id)));
        }
        let mut found: Vec<(Lane, Uuid)> = Vec::new();
        eventually("the events of all lanes", async || {
            let batches = store.read_tracks(&readings, limit).await.expect("they can be read");
            let has_more = batches.iter().any(|batch| batch.has_more);
            for batch in batches {
                let reading = readings.iter_mut().find(|reading| reading.lane == batch.lane);
                reading.expect("a lane that was asked for").cursor = batch.through;
                let given = batch.events.into_iter().filter_map(|event| event.envelope);
                found.extend(given.map(|envelope| (batch.lane, envelope.event_id)));
            }
            (!has_more).then_some(())
        })
        .await;
        found.sort();
        expected.sort();
        assert_eq!(found.len(), expected.len(), "with a limit of {limit}");
        assert_eq!(found, expected);
    }
}

/// At most its cursor moves.
pub async fn a_lane_without_news_has_no_events<H: Harness>(harness: H) {
    let store = harness.backend();
    mixed(&store).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(5, &[]).await;
    let lease = courier.follower.leases[0];
    let scope = TenantScope::Only(tenant("acme"));
    let reading = TrackReading { lane: lease.lane, cursor: lease.cursor, scope, until: None };
    let read = store.read_tracks(&[reading], 100).await.expect("it can be read");
    assert!(read.iter().all(|batch| batch.events.is_empty() && batch.through >= lease.cursor));
}
