//! What a bus refuses is looked after by commands: listed, edited, resumed, discarded, on record.

use crate::buses::NatsStream;
use crate::operator::{Site, on_each_database};
use crate::process::server;
use crate::sample::{driver, somebody_of};
use async_nats::jetstream::{self, stream};
use idp::domain::Uuid;
use idp::prelude::*;
use route_planning::application::{DispatchRoute, dispatch_route};
use route_planning::bootstrap::Core;
use route_planning_domain::RoutePlanId;
use std::sync::Arc;

on_each_database! {
    what_the_bus_refuses_is_listed_edited_resumed_and_leaves,
    a_status_shows_the_first_keys_and_says_that_there_are_more,
    what_must_never_be_sent_is_discarded_and_the_rest_leaves,
    what_was_refused_leaves_when_the_broker_is_mended,
    an_order_that_is_not_about_what_is_there_is_refused_and_changes_nothing,
}

/// More than the headers of a message and a small payload, less than a plan with its stops.
const MESSAGE_BYTES_MAX: i32 = 1_500;

/// A stream that takes no plan, and a relay to it.
struct Refusing {
    site: Site,
    nats: NatsStream,
}

impl Refusing {
    /// With ten parked plans of globex.
    async fn ten(mut site: Site) -> Self {
        let server = server("IDP_TEST_NATS");
        let config = stream::Config { max_message_size: MESSAGE_BYTES_MAX, ..Default::default() };
        let nats = NatsStream::of_config(&server, config).await;
        site.set("ROUTE_PLANNING__RELAY__BUS", server);
        site.set("ROUTE_PLANNING__RELAY__STREAM", nats.name.as_str());
        site.set("ROUTE_PLANNING__RELAY__TOPIC", format!("{}.{{aggregate_type}}", nats.name));
        site.import_ten("globex").await;
        Self { site, nats }
    }

    async fn parked(&self, count: usize) -> Vec<Parked> {
        let told = self.site.until(&["outbox", "parked"], |told| told.lines().count() == count);
        told.await.lines().map(Parked::of).collect()
    }

    /// A second event of the plan, which is small enough.
    async fn dispatch(&self, parked: &Parked) {
        let core = Core::over(Arc::clone(&self.site.backend)).await.expect("the tables are there");
        let id = parked.key.strip_prefix("globex/").expect("it is of globex");
        let plan = RoutePlanId::from_uuid(Uuid::parse_str(id).expect("an id"));
        let cmd = DispatchRoute { plan, driver: driver(1) };
        let dispatched = core.app.run(somebody_of("globex"), |uow| dispatch_route(uow, cmd));
        dispatched.await.expect("it is ready");
        let of_it =
            |told: &str| told.contains(&format!("{} ", parked.key)) && told.contains("events=2");
        self.site.until(&["outbox", "parked"], of_it).await;
    }

    /// The identities of the events of a key, in their order.
    async fn events(&self, parked: &Parked) -> Vec<String> {
        let told = self.site.done(&["outbox", "show", &parked.key]).await;
        let headings = told.lines().filter(|line| !line.starts_with(' '));
        headings.map(|line| line.split(' ').next().expect("an id").to_owned()).collect()
    }

    /// What an order about a key as it was seen tells.
    async fn order(&self, what: &[&str], parked: &Parked) -> String {
        let key = [parked.key.as_str(), "--revision", &parked.revision];
        self.site.signed(&[&["outbox"], what, &key].concat(), "the stream takes no plans").await
    }
}

/// A line of `outbox parked`.
#[derive(Clone, Debug)]
struct Parked {
    key: String,
    revision: String,
    rest: String,
}

impl Parked {
    fn of(line: &str) -> Self {
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        let mut word = || words.next().expect("three words");
        Self { key: word(), revision: word(), rest: word() }
    }
}

async fn what_the_bus_refuses_is_listed_edited_resumed_and_leaves(site: Site) {
    let refusing = Refusing::ten(site).await;
    let (site, nats) = (&refusing.site, &refusing.nats);
    let relay = site.start(&["relay"]);
    let parked = refusing.parked(10).await;
    for Parked { rest, .. } in &parked {
        assert!(rest.starts_with("parked events=1 refused=1 since="), "{rest}");
        assert!(rest.contains("bytes with its headers"), "it is what the bus said: {rest}");
    }
    let status = site.done(&["outbox", "status"]).await;
    assert!(status.contains("nats: 0 events to read, 10 set aside, 0 scheduled, 10 keys parked"));
    assert!(status.contains(&format!("\n  {} {} ", parked[9].key, parked[9].revision)), "{status}");
    assert_eq!(site.done(&["outbox", "parked", "--tenant", "acme"]).await, "");

    let wrong = &parked[0];
    let event = refusing.events(wrong).await.remove(0);
    let shown = site.done(&["outbox", "show", &wrong.key, "--event", &event]).await;
    assert!(shown.starts_with("{\"capacity\":") && shown.contains("\"stops\":["), "{shown}");
    let edit = ["outbox", "edit", &wrong.key, "--revision", &wrong.revision, "--event", &event];
    let edit = [&edit[..], &["--payload", "-", "--by", "ann", "--why", "too many stops"]].concat();
    let done = site.type_with(&edit, r#"{ "stops": [] }"#).await;
    assert!(done.status.success(), "{done:?}");
    let shown = site.done(&["outbox", "show", &wrong.key]).await;
    assert!(shown.ends_with(", edited\n  {\"stops\":[]}\n"), "{shown}");

    let edited = refusing.parked(10).await.remove(0);
    assert_ne!(edited.revision, wrong.revision);
    let told = String::from_utf8(done.stdout).expect("text");
    assert!(told.ends_with(&format!("its revision is {}\n", edited.revision)), "{told}");
    let stale = ["outbox", "resume", &wrong.key, "--revision", &wrong.revision];
    let told = site.refused_signed(&stale).await;
    assert!(told.contains(&format!("its revision is {} and not ", edited.revision)), "{told}");
    refusing.order(&["resume"], &edited).await;
    let [_, tenant, kind, id] = &nats.events(1).await[0];
    assert_eq!([tenant, kind, id], ["globex", "route_plan.created", event.as_str()]);
    refusing.parked(9).await;
    relay.stop().await;

    let records = site.done(&["outbox", "records"]).await;
    let lines: Vec<_> = records.lines().collect();
    assert_eq!(lines.len(), 2, "{records}");
    assert!(lines[0].contains(&format!(" resume {} events=1 by ann: ", edited.key)), "{records}");
    assert!(lines[1].ends_with(" by ann: too many stops"), "{records}");
}

async fn a_status_shows_the_first_keys_and_says_that_there_are_more(site: Site) {
    let refusing = Refusing::ten(site).await;
    let site = &refusing.site;
    site.import_ten("acme").await;
    site.import_ten("initech").await;
    let relay = site.start(&["relay"]);
    refusing.parked(30).await;
    relay.stop().await;
    let status = site.done(&["outbox", "status"]).await;
    assert_eq!(status.lines().count(), 1 + 20 + 1, "{status}");
    assert!(status.ends_with("\n  and more: outbox parked --target nats\n"), "{status}");
    assert_eq!(site.done(&["outbox", "status", "--target", "nats"]).await, status);
    let of_globex = site.done(&["outbox", "parked", "--tenant", "globex"]).await;
    assert_eq!(of_globex.lines().filter(|line| line.starts_with("globex/")).count(), 10);
    assert_eq!(of_globex.lines().count(), 10, "{of_globex}");
}

async fn what_must_never_be_sent_is_discarded_and_the_rest_leaves(site: Site) {
    let refusing = Refusing::ten(site).await;
    let relay = refusing.site.start(&["relay"]);
    let parked = refusing.parked(10).await;
    refusing.dispatch(&parked[0]).await;
    let [created, dispatched] = &refusing.events(&parked[0]).await[..] else {
        panic!("two events")
    };
    let told = refusing.order(&["discard", "--event", created], &parked[0]).await;
    assert!(told.contains("1 events of it are parked"), "{told}");
    let told = refusing.order(&["discard-key"], &parked[1]).await;
    assert!(told.ends_with("nothing of it is set aside any more\n"), "{told}");
    let left = refusing.parked(9).await.remove(0);
    assert_eq!(left.key, parked[0].key);
    refusing.order(&["resume"], &left).await;
    let [.., kind, id] = &refusing.nats.events(1).await[0];
    assert_eq!([kind, id], ["route_plan.dispatched", dispatched.as_str()]);
    refusing.parked(8).await;
    relay.stop().await;
    assert_eq!(refusing.nats.count().await, 1);
    let records = refusing.site.done(&["outbox", "records", "--limit", "2"]).await;
    let lines: Vec<_> = records.lines().collect();
    assert_eq!(lines.len(), 2, "{records}");
    let signed = "by ann: the stream takes no plans";
    assert!(lines[0].ends_with(&format!(" resume {} events=1 {signed}", left.key)), "{records}");
    let discarded = format!(" discard_key {} events=1 {signed}", parked[1].key);
    assert!(lines[1].ends_with(&discarded), "{records}");
}

async fn what_was_refused_leaves_when_the_broker_is_mended(site: Site) {
    let refusing = Refusing::ten(site).await;
    let (site, nats) = (&refusing.site, &refusing.nats);
    let relay = site.start(&["relay"]);
    let parked = refusing.parked(10).await;
    refusing.order(&["resume"], &parked[0]).await;
    let refused_again = |told: &str| told.contains(" parked events=1 refused=2 ");
    site.until(&["outbox", "parked"], refused_again).await;
    relay.stop().await;

    let client = async_nats::connect(server("IDP_TEST_NATS")).await.expect("it is there");
    let config =
        stream::Config { max_message_size: -1, ..nats.stream.cached_info().config.clone() };
    jetstream::new(client).update_stream(config).await.expect("it can be changed");
    let relay = site.start(&["relay"]);
    for parked in refusing.parked(10).await {
        refusing.order(&["resume"], &parked).await;
    }
    assert_eq!(nats.events(10).await.len(), 10);
    refusing.parked(0).await;
    relay.stop().await;
    assert_eq!(nats.count().await, 10);
}

async fn an_order_that_is_not_about_what_is_there_is_refused_and_changes_nothing(site: Site) {
    let refusing = Refusing::ten(site).await;
    let site = &refusing.site;
    let told = site.refused(&["outbox", "parked"]).await;
    assert!(
        told.contains("`--target`: there is no target `nats`; none has been started"),
        "{told}"
    );
    let relay = site.start(&["relay"]);
    let parked = refusing.parked(10).await;
    relay.stop().await;
    let before = site.done(&["outbox", "parked"]).await;
    let key = &parked[0].key;
    let event = refusing.events(&parked[0]).await.remove(0);
    let unknown = "globex/01890000-0000-7000-8000-000000000007";
    let (_, no_event) = unknown.split_once('/').expect("a key");
    std::fs::write(site.folder.path().join("damaged.json"), "{").expect("writable");
    let present = ["--revision", &parked[0].revision];
    let discard =
        |key, event| [&["outbox", "discard", key, "--event", event], &present[..]].concat();
    let edit = |file| {
        let edit = ["outbox", "edit", key, "--event", &event, "--payload", file];
        [&edit, &present[..]].concat()
    };
    let table: [(Vec<&str>, &str); 8] = [
        (vec!["outbox", "resume", key, "--revision", "0"], "`--revision`: "),
        ([&["outbox", "discard-key", key], &["--revision", "0"][..]].concat(), "`--revision`: "),
        (vec!["outbox", "resume", unknown, "--revision", "1"], "`KEY`: "),
        (discard(unknown, &event), "`KEY`: "),
        (discard(key, no_event), "`--event`: "),
        (edit("damaged.json"), "`--payload`: the payload is not JSON"),
        (edit("missing.json"), "`--payload`: missing.json: "),
        (
            [&discard(key, &event)[..], &["--target", "nast"]].concat(),
            "`--target`: there is no target",
        ),
    ];
    for (arguments, expected) in table {
        let told = site.refused_signed(&arguments).await;
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    let told = site.refused_signed(&["outbox", "resume", key, "--revision", "0"]).await;
    let present = format!("its revision is {} and not 0", parked[0].revision);
    assert!(told.contains(&present), "{told}");
    let told = site.refused(&["outbox", "show", unknown]).await;
    assert!(told.contains("`KEY`: "), "{told}");
    // Nobody says who, or why: that is nonsense, as no key is.
    for signature in [&["--by", "ann"][..], &["--why", "x"], &["--by", " ", "--why", "x"]] {
        let resume = ["outbox", "resume", key, "--revision", &parked[0].revision];
        let done = site.type_with(&[&resume, signature].concat(), "").await;
        assert_eq!(done.status.code(), Some(2), "{done:?}");
    }
    assert_eq!(site.done(&["outbox", "parked"]).await, before);
    assert_eq!(site.done(&["outbox", "records"]).await, "");
}
