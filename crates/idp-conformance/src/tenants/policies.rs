//! What operators say about single tenants.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, count_for, labels, store_time};
use crate::fixture::{refused as fails, tenant};
use idp_application::{
    Actor, AsideReason, Backend, ErrorKind, TenantPolicy, TenantPolicyOrder, TenantPolicyRecord,
};
use idp_domain::Timestamp;
use std::sync::Arc;

clauses! {
    macro tenants_policies of tenants::policies;
    a_policy_takes_the_place_of_the_one_before,
    a_policy_that_says_nothing_more_is_forgotten,
    every_policy_leaves_a_record,
    a_policy_that_is_out_of_bounds_changes_nothing,
    each_reader_has_policies_of_its_own,
    nothing_of_a_paused_tenant_becomes_due,
    what_has_a_number_is_given_though_its_tenant_is_paused,
}

fn usual(of: &str) -> TenantPolicy {
    TenantPolicy::usual(tenant(of))
}

fn paused(of: &str) -> TenantPolicy {
    TenantPolicy { is_paused: true, ..usual(of) }
}

fn order(policy: TenantPolicy) -> TenantPolicyOrder {
    let reason = format!("because of {}", policy.weight);
    TenantPolicyOrder { actor: Actor::new("ann"), policy, reason }
}

async fn set(store: &Arc<dyn Backend>, reader: &str, policy: TenantPolicy) {
    store.set_tenant_policy(reader, &order(policy)).await.expect("a policy can be set");
}

async fn policies(store: &Arc<dyn Backend>, reader: &str) -> Vec<TenantPolicy> {
    store.tenant_policies(reader).await.expect("policies can be listed")
}

async fn records(store: &Arc<dyn Backend>, limit: u32) -> Vec<TenantPolicyRecord> {
    store.tenant_policy_records("relay", limit).await.expect("records can be listed")
}

/// As a whole. They are listed by tenant.
pub async fn a_policy_takes_the_place_of_the_one_before<H: Harness>(harness: H) {
    let store = harness.backend();
    let limited =
        TenantPolicy { events_per_second_max: Some(1_000_000), weight: 1_000, ..usual("acme") };
    set(&store, "relay", paused("globex")).await;
    set(&store, "relay", limited.clone()).await;
    assert_eq!(policies(&store, "relay").await, [limited, paused("globex")]);
    set(&store, "relay", paused("acme")).await;
    assert_eq!(policies(&store, "relay").await, [paused("acme"), paused("globex")]);
    assert_eq!(policies(&harness.second_process().await, "relay").await.len(), 2);
}

/// What is said of it stays.
pub async fn a_policy_that_says_nothing_more_is_forgotten<H: Harness>(harness: H) {
    let store = harness.backend();
    set(&store, "relay", paused("acme")).await;
    set(&store, "relay", usual("acme")).await;
    set(&store, "relay", usual("globex")).await;
    assert_eq!(policies(&store, "relay").await, []);
    assert_eq!(records(&store, 10).await.len(), 3);
}

/// Who said what, when and why; the latest first.
pub async fn every_policy_leaves_a_record<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1]).await;
    let said = [paused("acme"), TenantPolicy { weight: 3, ..usual("acme") }, usual("acme")];
    let before = store_time(&store).await;
    for policy in &said {
        set(&store, "relay", policy.clone()).await;
    }
    let found = records(&store, 10).await;
    let after = store_time(&store).await;
    let policies: Vec<_> = found.iter().rev().map(|record| record.policy.clone()).collect();
    assert_eq!(policies, said);
    for record in &found {
        assert_eq!(record.actor, "ann");
        assert_eq!(record.reason, order(record.policy.clone()).reason);
        assert!((before..=after).contains(&record.at), "{before:?} {record:?} {after:?}");
    }
    assert_eq!(records(&store, 2).await, found[..2]);
}

/// Nor does it leave a record.
pub async fn a_policy_that_is_out_of_bounds_changes_nothing<H: Harness>(harness: H) {
    let store = harness.backend();
    for (rate, weight) in [(Some(0), 1), (Some(1_000_001), 1), (None, 0), (None, 1_001)] {
        let policy = TenantPolicy { events_per_second_max: rate, weight, ..usual("acme") };
        fails(store.set_tenant_policy("relay", &order(policy)).await, ErrorKind::Invalid);
    }
    assert_eq!((policies(&store, "relay").await, records(&store, 10).await), (vec![], vec![]));
}

/// And records.
pub async fn each_reader_has_policies_of_its_own<H: Harness>(harness: H) {
    let store = harness.backend();
    set(&store, "another relay", paused("acme")).await;
    assert_eq!((policies(&store, "relay").await, records(&store, 10).await), (vec![], vec![]));
    set(&store, "relay", usual("acme")).await;
    assert_eq!(policies(&store, "another relay").await, [paused("acme")]);
}

/// Those of others do, and its own do when it is paused no more. It is not announced either.
pub async fn nothing_of_a_paused_tenant_becomes_due<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2]).await;
    count_for(&store, "globex", &[3]).await;
    set(&store, "relay", paused("acme")).await;
    let mut courier = Courier::start(&store).await;
    let at_once = || AsideReason::Scheduled(Timestamp::UNIX_EPOCH);
    courier.set_aside(3, &[("1:1", at_once()), ("2:1", at_once()), ("3:1", at_once())]).await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "3:1")]));
    courier.settle(1, None).await;
    assert_eq!(courier.due(10).await, Default::default());
    set(&store, "relay", usual("acme")).await;
    assert_eq!(courier.due_labels().await, labels(&[(2, "1:1"), (3, "2:1")]));
}

/// It may be at the bus.
pub async fn what_has_a_number_is_given_though_its_tenant_is_paused<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2]).await;
    let mut courier = Courier::start(&store).await;
    let at_once = || AsideReason::Scheduled(Timestamp::UNIX_EPOCH);
    courier.set_aside(2, &[("1:1", at_once()), ("2:1", at_once())]).await;
    let given = courier.due(1).await.batches;
    set(&store, "relay", paused("acme")).await;
    let next = courier.successor().await;
    let due = next.due(10).await;
    assert_eq!((due.batches, due.next), (given, None));
    next.settle(1, None).await;
    assert_eq!(next.due(10).await, Default::default());
}
