//! How the events of single tenants are carried is said by commands.

use crate::buses::NatsStream;
use crate::operator::{Site, on_each_database};
use crate::process::server;

on_each_database! {
    a_paused_tenant_waits_until_it_is_resumed,
    what_is_said_about_a_tenant_changes_that_and_nothing_else,
}

async fn a_paused_tenant_waits_until_it_is_resumed(mut site: Site) {
    let server = server("IDP_TEST_NATS");
    let nats = NatsStream::new(&server).await;
    site.set("ROUTE_PLANNING__RELAY__BUS", server);
    site.set("ROUTE_PLANNING__RELAY__STREAM", nats.name.as_str());
    site.set("ROUTE_PLANNING__RELAY__TOPIC", format!("{}.{{aggregate_type}}", nats.name));
    let relay = site.start(&["relay"]);
    site.until(&["log", "readers"], |told| told.contains("nats: ")).await;
    relay.stop().await;
    let told = site.signed(&["tenant", "pause", "acme"], "they asked for it").await;
    assert_eq!(told, "acme: paused, no limit, weight 1\n");

    site.import_five("acme").await;
    site.import_ten("globex").await;
    let relay = site.start(&["relay"]);
    let sent = nats.events(10).await;
    assert!(sent.iter().all(|[_, tenant, ..]| tenant == "globex"), "{sent:?}");
    // It has read all, and what it did not send is that.
    site.until(&["outbox", "status"], |told| told.contains("nats: 5 events to read since ")).await;
    assert_eq!(nats.count().await, 10);
    let told =
        site.signed(&["tenant", "resume", "acme", "--target", "nats"], "they are back").await;
    assert_eq!(told, "acme: not paused, no limit, weight 1\n");
    let sent = nats.events(15).await;
    assert!(sent[10..].iter().all(|[_, tenant, ..]| tenant == "acme"), "{sent:?}");
    relay.stop().await;
    let records = site.done(&["tenant", "records"]).await;
    let lines: Vec<_> = records.lines().collect();
    assert!(lines[0].ends_with(" acme: not paused, no limit, weight 1 by ann: they are back"));
    assert!(lines[1].ends_with(" acme: paused, no limit, weight 1 by ann: they asked for it"));
}

async fn what_is_said_about_a_tenant_changes_that_and_nothing_else(site: Site) {
    let told = site.refused_signed(&["tenant", "pause", "acme"]).await;
    assert!(told.contains("`--target`: there is no target `console`; none has"), "{told}");
    let relay = site.start(&["relay"]);
    site.until(&["log", "readers"], |told| told.contains("console: ")).await;
    relay.stop().await;
    for (order, expected) in [
        (["limit", "acme", "50"], "acme: not paused, at most 50 events a second, weight 1\n"),
        (["weigh", "acme", "7"], "acme: not paused, at most 50 events a second, weight 7\n"),
        (["limit", "acme", "off"], "acme: not paused, no limit, weight 7\n"),
    ] {
        assert_eq!(site.signed(&[&["tenant"], &order[..]].concat(), "a test").await, expected);
    }
    site.signed(&["tenant", "pause", "globex"], "a test").await;
    let all = "acme: not paused, no limit, weight 7\nglobex: paused, no limit, weight 1\n";
    assert_eq!(site.done(&["tenant", "policies"]).await, all);
    for (order, field) in [
        (["limit", "acme", "0"], "`events_per_second_max` must be within 1..=1000000, got 0"),
        (["weigh", "acme", "1001"], "`weight` must be within 1..=1000, got 1001"),
    ] {
        let told = site.refused_signed(&[&["tenant"], &order[..]].concat()).await;
        assert!(told.contains(field), "{told}");
    }
    let told =
        site.refused_signed(&["tenant", "pause", "acme", "--target", "route_plan_board"]).await;
    assert!(told.contains("there is no target `route_plan_board`; there is console"), "{told}");
    assert_eq!(site.done(&["tenant", "policies"]).await, all);
    assert_eq!(site.done(&["tenant", "records"]).await.lines().count(), 4);
}
