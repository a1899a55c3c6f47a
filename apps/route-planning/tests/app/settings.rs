//! The settings, from file and environment.

use route_planning::settings::{BrokerKind, Bus, Database, Purpose, Settings};
use std::io::Write;
use std::time::Duration;

const NONE: [(&str, &str); 0] = [];

const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    -----END PUBLIC KEY-----\n";

#[test]
fn without_settings_everything_is_local() {
    let settings = Settings::load(None, NONE, Purpose::Development).expect("nothing is needed");
    let Database::Sqlite(file) = settings.database else { panic!("SQLite is usual") };
    assert_eq!(file.to_str(), Some("route-planning.db"));
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert!(settings.relay.bus == Bus::Console);
    assert!(settings.auth.is_none());
}

#[test]
fn one_setting_chooses_the_database() {
    let variables = [("ROUTE_PLANNING__DATABASE__URL", "postgres://me@db/plans")];
    let settings = Settings::load(None, variables, Purpose::Tool).expect("valid");
    let Database::Postgres(database) = settings.database else { panic!("it was asked for") };
    assert_eq!(database.url.reveal(), "postgres://me@db/plans");
    assert_eq!(database.partition_size, 1_000_000);
}

#[test]
fn the_environment_wins_over_the_file() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = "[server]\nlisten = \"0.0.0.0:80\"\n[relay]\nbus = \"off\"\npoll_interval = \"2s\"\n\
        [auth]\nissuer = \"https://issuer\"\naudience = \"plans\"\n";
    file.write_all(text.as_bytes()).expect("written");
    let variables =
        [("ROUTE_PLANNING__SERVER__LISTEN", "0.0.0.0:81"), ("ROUTE_PLANNING__AUTH__KEY", KEY)];
    let settings = Settings::load(Some(file.path()), variables, Purpose::Production);
    let settings = settings.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.listen.to_string(), "0.0.0.0:81");
    assert!(settings.relay.bus == Bus::Off);
    assert_eq!(settings.relay.poll_interval, Duration::from_secs(2));
    assert!(settings.auth.is_some());
}

#[test]
fn all_faults_are_told_at_once() {
    let variables = [
        ("ROUTE_PLANNING__DATABASE__URL", "oracle:plans"),
        ("ROUTE_PLANNING__SERVER__LISTEN", "localhost"),
        ("ROUTE_PLANNING__RELAY__BUS", "pigeon"),
        ("ROUTE_PLANNING__RELAY__POLL_INTERVALL", "1s"),
        ("ROUTE_PLANNING__AUTH__ISSUER", "https://issuer"),
        ("ROUTE_PLANNING__AUTH__KEY", "not a key"),
    ];
    let Err(error) = Settings::load(None, variables, Purpose::Production) else {
        panic!("six faults")
    };
    let faults = error.to_string();
    for part in [
        "database.url: expected sqlite:FILE or postgres://",
        "server.listen: expected IP:PORT",
        "relay.bus: expected console, off, nats://",
        "did you mean relay.poll_interval?",
        "auth.audience: expected a text",
        "auth.key: expected the PEM of an Ed25519 public key",
    ] {
        assert!(faults.contains(part), "{part} is missing in\n{faults}");
    }
}

#[test]
fn one_setting_chooses_the_bus() {
    for (url, expected) in [
        ("nats://127.0.0.1:4222", BrokerKind::Nats),
        ("amqp://guest:guest@127.0.0.1", BrokerKind::RabbitMq),
        ("rediss://127.0.0.1", BrokerKind::Redis),
    ] {
        let variables = [("ROUTE_PLANNING__RELAY__BUS", url)];
        let settings = Settings::load(None, variables, Purpose::Tool);
        let settings = settings.unwrap_or_else(|error| panic!("{error}"));
        let Bus::Broker(broker) = settings.relay.bus else { panic!("{url} is a broker") };
        assert_eq!((broker.kind, broker.url.reveal()), (expected, url));
        assert_eq!(broker.stream, "ROUTE_PLANNING");
    }
}

#[test]
fn a_wrong_topic_is_told_with_the_other_faults() {
    let variables = [
        ("ROUTE_PLANNING__RELAY__TOPIC", "{tenent}/plans"),
        ("ROUTE_PLANNING__RELAY__BUS", "pigeon://me:hunter2@loft"),
    ];
    let Err(error) = Settings::load(None, variables, Purpose::Tool) else { panic!("two faults") };
    let faults = error.to_string();
    assert!(faults.contains("relay.topic: ") && faults.contains("{tenent}"), "{faults}");
    assert!(faults.contains("relay.bus: ") && !faults.contains("hunter2"), "{faults}");
}

#[test]
fn the_log_is_kept_whole_unless_somebody_says_otherwise() {
    let load = |variables: &[(&str, &str)]| {
        let variables = variables
            .iter()
            .map(|(key, value)| (format!("ROUTE_PLANNING__LOG__{key}"), (*value).to_owned()));
        Settings::load(None, variables, Purpose::Tool).map(|settings| settings.log)
    };
    let loaded = |variables: &[_]| load(variables).unwrap_or_else(|error| panic!("{error}"));
    let usual = loaded(&[]);
    assert_eq!((usual.keep_for, usual.archive.as_deref()), (None, None));
    assert_eq!(usual.to_string(), "kept for ever");
    let kept = loaded(&[("KEEP_FOR", "36h"), ("ARCHIVE", "old")]);
    assert_eq!(kept.keep_for, Some(Duration::from_secs(36 * 3_600)));
    assert_eq!(kept.interval, Duration::from_secs(60));
    assert_eq!(kept.to_string(), "dropped after 36h, and archived in old before");
    assert_eq!(loaded(&[("KEEP_FOR", "7d")]).to_string(), "dropped after 7d");
    // So that a variable can switch off what a file switches on.
    let off = loaded(&[("KEEP_FOR", "off"), ("ARCHIVE", "old")]);
    assert_eq!(off.keep_for, None);

    let Err(error) = load(&[("KEEP_FOR", "0s"), ("INTERVAL", "2h"), ("ARCHIVE", "")]) else {
        panic!("three faults")
    };
    let faults = error.to_string();
    for part in [
        "log.keep_for: expected a duration such as 30s from 1s to 315360000s, got 0s",
        "log.archive: expected a path, got an empty text",
        "log.interval: expected a duration such as 30s from 1s to 3600s, got 2h",
    ] {
        assert!(faults.contains(part), "{part} is missing in\n{faults}");
    }
    let Err(error) = load(&[("ARCHIVE", "old")]) else { panic!("nothing would be archived") };
    assert!(error.to_string().contains("log.archive: events are archived when"), "{error}");
}

#[test]
fn a_password_in_the_url_is_never_told() {
    let variables = [("ROUTE_PLANNING__DATABASE__URL", "mysql://me:hunter2@db/plans")];
    let Err(error) = Settings::load(None, variables, Purpose::Tool) else { panic!("no MySQL yet") };
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn development_does_not_let_everybody_in_from_everywhere() {
    let variables = [("ROUTE_PLANNING__SERVER__LISTEN", "0.0.0.0:8080")];
    let Err(error) = Settings::load(None, variables, Purpose::Development) else {
        panic!("everybody could get a token")
    };
    assert!(error.to_string().contains("loopback"), "{error}");
}
