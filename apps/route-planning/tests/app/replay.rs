//! A part of the log is sent once more by a command.

use crate::buses::NatsStream;
use crate::operator::{Site, on_each_database};
use crate::process::server;
use async_nats::jetstream::{self, stream};
use idp::application::{Clock, SystemClock};

on_each_database! {
    a_part_of_the_log_is_sent_once_more_and_nothing_is_kept_for_it,
    a_name_is_used_for_one_replay,
    a_replay_that_is_stopped_goes_on_where_it_ended,
    a_replay_that_the_bus_refuses_says_so_and_goes_on_when_that_is_settled,
}

/// How many lines of the console are about that.
fn lines(told: &str, text: &str) -> usize {
    told.lines().filter(|line| line.contains(text)).count()
}

async fn a_part_of_the_log_is_sent_once_more_and_nothing_is_kept_for_it(site: Site) {
    site.import_ten("globex").await;
    site.import_five("acme").await;
    let between = SystemClock.now().to_string();
    site.import_five("globex").await;

    let replay = async |name: &'static str, part: &[&str]| {
        site.done(&[&["outbox", "replay", "--to", name], part].concat()).await
    };
    let told = replay("globex-only", &["--tenant", "globex"]).await;
    assert_eq!((lines(&told, " globex route_plan.created "), lines(&told, " acme ")), (15, 0));
    assert!(told.ends_with("15 events were sent again\n"), "{told}");
    let told = replay("late", &["--tenant", "globex", "--from", &between]).await;
    assert!(told.ends_with("\n5 events were sent again\n"), "{told}");
    let told = replay("early", &["--before", &between, "--type", "route_plan.created"]).await;
    assert_eq!((lines(&told, " globex "), lines(&told, " acme ")), (10, 5), "{told}");
    let told = replay("both", &["--tenant", "globex", "--tenant", "acme"]).await;
    assert!(told.ends_with("\n20 events were sent again\n"), "{told}");
    let told = replay("none", &["--type", "route_plan.completed"]).await;
    assert_eq!(told, "0 events were sent again\n");
    assert_eq!(site.done(&["log", "readers"]).await, "", "the log is kept for none of them");
}

async fn a_name_is_used_for_one_replay(site: Site) {
    site.import_five("acme").await;
    let told = site.done(&["outbox", "replay", "--to", "audit"]).await;
    assert!(told.ends_with("\n5 events were sent again\n"), "{told}");
    let told = site.refused(&["outbox", "replay", "--to", "audit"]).await;
    assert!(told.contains("`--to`: the name `audit` was used already"), "{told}");
    let told = site.refused(&["outbox", "replay", "--to", "audit", "--again"]).await;
    assert!(told.contains("`--again`: no replay `audit` was interrupted"), "{told}");

    for name in ["console", "nats", "archive", "route_plan_board", "a/b"] {
        let told = site.refused(&["outbox", "replay", "--to", name, "--again"]).await;
        assert!(told.contains("`--to` must be "), "{name}: {told}");
    }
    let (from, before) = ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z");
    let told = site
        .refused(&["outbox", "replay", "--to", "x/y", "--from", from, "--before", before])
        .await;
    assert!(
        told.contains("`--to` must be ") && told.contains("`--before` must be later"),
        "{told}"
    );
    let records = site.done(&["log", "records"]).await;
    assert_eq!(lines(&records, " forget audit by outbox replay: "), 1, "{records}");
    assert_eq!(lines(&records, " hold audit by outbox replay: all events"), 1, "{records}");
    assert_eq!(site.done(&["log", "holds"]).await, "");
}

/// A stream of that configuration, to which replays go from now on.
async fn to_nats(site: &mut Site, config: stream::Config) -> NatsStream {
    let server = server("IDP_TEST_NATS");
    let nats = NatsStream::of_config(&server, config).await;
    site.set("ROUTE_PLANNING__RELAY__BUS", server);
    site.set("ROUTE_PLANNING__RELAY__STREAM", nats.name.as_str());
    site.set("ROUTE_PLANNING__RELAY__TOPIC", format!("{}.{{aggregate_type}}", nats.name));
    nats
}

async fn a_replay_that_is_stopped_goes_on_where_it_ended(mut site: Site) {
    // It takes three, and then none until there is room.
    let discard = stream::DiscardPolicy::New;
    let config = stream::Config { max_messages: 3, discard, ..Default::default() };
    let nats = to_nats(&mut site, config).await;
    site.import_ten("globex").await;
    let replay = site.begin(&["outbox", "replay", "--to", "copy"]);
    nats.events(3).await;
    let told = site.refused(&["outbox", "replay", "--to", "copy", "--again"]).await;
    assert!(told.contains("`--to`: the replay `copy` is running"), "{told}");
    replay.terminate();
    let ended = replay.ended("").await;
    let told = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("it was stopped, 3 events were sent; "), "{told}");
    assert!(
        site.done(&["log", "readers"]).await.starts_with("copy: events since "),
        "it is kept for it"
    );
    let again = ["outbox", "replay", "--to", "copy", "--again"];
    let told = site.refused(&[&again[..], &["--tenant", "acme"]].concat()).await;
    assert!(told.contains("the replay `copy` is of all events, not of tenants acme"), "{told}");

    let client = async_nats::connect(server("IDP_TEST_NATS")).await.expect("it is there");
    let config = stream::Config { max_messages: -1, ..nats.stream.cached_info().config.clone() };
    jetstream::new(client).update_stream(config).await.expect("it can be changed");
    let told = site.done(&["outbox", "replay", "--to", "copy", "--again"]).await;
    assert_eq!(told, "7 events were sent again\n");
    assert_eq!((site.done(&["log", "readers"]).await, nats.count().await), (String::new(), 10));
}

async fn a_replay_that_the_bus_refuses_says_so_and_goes_on_when_that_is_settled(mut site: Site) {
    // Less than a plan.
    let config = stream::Config { max_message_size: 1_500, ..Default::default() };
    let nats = to_nats(&mut site, config).await;
    site.import_ten("globex").await;
    let told = site.refused(&["outbox", "replay", "--to", "copy"]).await;
    assert!(told.contains("not all of it: ") && told.contains("--target copy"), "{told}");
    let parked = site.done(&["outbox", "parked", "--target", "copy"]).await;
    assert_eq!(parked.lines().count(), 10, "{parked}");
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut keys = parked.lines().map(words);
    let first = keys.next().expect("ten");
    for key in keys {
        let discard = ["outbox", "discard-key", &key[0], "--revision", &key[1], "--target", "copy"];
        site.signed(&discard, "nobody needs it").await;
    }
    let of_copy =
        async |what, key: &str| site.done(&["outbox", what, key, "--target", "copy"]).await;
    let shown = of_copy("show", &first[0]).await;
    let event = shown.split(' ').next().expect("an id");
    std::fs::write(site.folder.path().join("small.json"), "{}").expect("writable");
    let edit = ["outbox", "edit", "--event", event, "--payload", "small.json"];
    let present = [first[0].as_str(), "--revision", &first[1], "--target", "copy"];
    let told = site.signed(&[&edit[..], &present].concat(), "without stops").await;
    let (_, revision) = told.trim_end().rsplit_once(' ').expect("it ends with the revision");
    let resume = ["outbox", "resume", &first[0], "--revision", revision, "--target", "copy"];
    site.signed(&resume, "it is small now").await;
    assert!(site.done(&["log", "readers"]).await.starts_with("copy: "));
    let told = site.done(&["outbox", "replay", "--to", "copy", "--again"]).await;
    assert_eq!(told, "1 events were sent again\n");
    assert_eq!((site.done(&["log", "readers"]).await, nats.count().await), (String::new(), 1));
}
