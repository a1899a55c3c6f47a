//! A file and an environment, and what is told of them.

use idp_settings::{Anything, Length, OneOf, Origin, Secret, SettingsError, Source};
use std::path::{Path, PathBuf};
use std::time::Duration;

const NO_VARIABLES: [(&str, &str); 0] = [];

/// A file of its own for each test.
fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.toml"));
    std::fs::write(&path, text).expect("the file can be written");
    path
}

fn messages(error: &SettingsError, path: &Path) -> Vec<String> {
    let shown = path.display().to_string();
    error.faults().iter().map(|fault| fault.to_string().replace(&shown, "FILE")).collect()
}

#[test]
fn every_type_is_read_from_the_file() {
    let text = r#"
        name = "depot"
        ratio = 0.5
        [server]
        port = 8_080
        timeout = "30s"
        open = true
        tenants = ["acme", "globex"]
        file.path = "data/x.db"
    "#;
    let path = file("every_type", text);
    let mut source = Source::load(Some(&path), NO_VARIABLES, "X");
    assert_eq!(source.get("name", Anything, String::new()), "depot");
    assert_eq!(source.get("ratio", 0.0..=1.0, 0.0), 0.5);
    assert_eq!(source.get::<u16>("server.port", 1..=65535, 1), 8080);
    assert_eq!(source.get("server.timeout", Anything, Duration::ZERO), Duration::from_secs(30));
    assert!(source.get("server.open", Anything, false));
    let tenants: Vec<String> = source.require("server.tenants", Anything);
    assert_eq!(tenants, ["acme", "globex"]);
    let data: PathBuf = source.require("server.file.path", Anything);
    assert_eq!(data, Path::new("data/x.db"));
    source.finish().expect("nothing is wrong");
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let path = file("precedence", "a = 1\nb = 1");
    let mut source = Source::load(Some(&path), [("X__A", "2"), ("OTHER__A", "9")], "X");
    let values: Vec<i64> = ["a", "b", "c"].map(|key| source.get(key, 0.., 3)).into();
    assert_eq!(values, [2, 1, 3]);
    source.finish().expect("nothing is wrong");
}

#[test]
fn every_fault_is_told_with_key_bound_value_and_origin() {
    let text =
        "store = \"mongo\"\n\n[server]\nport = 70000\ntimeout = 30\nprot = 1\nopen = \"true\"\n";
    let path = file("every_fault", text);
    let variables = [("X__LIMITS__SIZE", "-1"), ("X__SERVER__TIMEOUTS", "1s")];
    let mut source = Source::load(Some(&path), variables, "X");
    source.get::<u16>("server.port", 1..=65535, 1);
    source.get("server.timeout", Anything, Duration::ZERO);
    source.get("server.open", Anything, false);
    source.get("store", OneOf(&["sqlite", "postgres"]), String::new());
    source.get::<usize>("limits.size", 1.., 1);
    let _: String = source.require("auth.issuer", Length(1..=200));
    let error = source.finish().expect_err("much is wrong");
    assert_eq!(
        messages(&error, &path),
        [
            "server.port: expected a whole number from 1 to 65535, got 70000 (FILE line 4)",
            "server.timeout: expected a duration such as 30s, got 30 (FILE line 5)",
            "server.open: expected true or false, got \"true\" (FILE line 7)",
            "store: expected a text that is one of sqlite, postgres, got \"mongo\" (FILE line 1)",
            "limits.size: expected a whole number from 1 up, got -1 (X__LIMITS__SIZE)",
            "auth.issuer: expected a text of 1 to 200 bytes, got nothing \
             (set it in the file or as X__AUTH__ISSUER)",
            "server.prot: there is no such setting; did you mean server.port? (FILE line 6)",
            "server.timeouts: there is no such setting; did you mean server.timeout? \
             (X__SERVER__TIMEOUTS)",
        ]
    );
}

#[test]
fn a_secret_is_never_shown() {
    let text = "[auth]\nsecret = \"hunter2\"\nkey = [\"hunter2\"]\nsecrte = \"hunter2\"\n";
    let path = file("secret", text);
    let mut source = Source::load(Some(&path), [("X__AUTH__TOKEN", "hunter2")], "X");
    let _: Secret = source.require("auth.secret", Length(32..=64));
    let _: Secret = source.require("auth.key", Anything);
    let _: Secret = source.require("auth.token", Length(32..=64));
    let error = source.finish().expect_err("they are too short");
    assert_eq!(error.faults().len(), 4);
    assert!(!format!("{error}{error:?}").contains("hunter2"), "{error}");
}

#[test]
fn a_good_secret_is_handed_out() {
    let mut source = Source::load(None, [("X__SECRET", "0123456789")], "X");
    let secret: Secret = source.require("secret", Length(10..=10));
    assert_eq!(secret.reveal(), "0123456789");
    source.finish().expect("nothing is wrong");
}

#[test]
fn a_file_that_is_not_toml_is_located_without_quoting_it() {
    let path = file("not_toml", "good = 1\nsecret = hunter2\n");
    let mut source = Source::load(Some(&path), NO_VARIABLES, "X");
    assert_eq!(source.get::<i64>("good", Anything, 0), 1, "the rest is read all the same");
    source.find::<Secret>("secret", Anything);
    let error = source.finish().expect_err("it is not TOML");
    assert_eq!(error.faults()[0].origin, Origin::File { path, line: 2 });
    assert!(error.to_string().contains("the file is not TOML"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn a_file_that_is_missing_is_a_fault() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-such.toml");
    let error = Source::load(Some(&path), NO_VARIABLES, "X").finish().expect_err("it is missing");
    assert!(error.to_string().contains("the file cannot be read"), "{error}");
}

#[test]
fn the_application_can_add_faults_of_its_own() {
    let mut source = Source::load(None, [("X__A", "1"), ("X__B", "2")], "X");
    let (a, b): (i64, i64) = (source.require("a", Anything), source.require("b", Anything));
    if a < b {
        source.refuse("a", "must not be below b");
    }
    let error = source.finish().expect_err("it was refused");
    assert_eq!(error.to_string(), "1 setting is wrong:\n- a: must not be below b (X__A)");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_a_fault_and_no_panic() {
    use std::os::unix::ffi::OsStringExt;
    let value = std::ffi::OsString::from_vec(vec![0xff]);
    let mut source = Source::load(None, [("X__A", value)], "X");
    source.get("a", Anything, String::new());
    let error = source.finish().expect_err("it is not UTF-8");
    assert!(error.to_string().contains("a: expected a text, got what is not UTF-8 (X__A)"));
}
