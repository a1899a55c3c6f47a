//! Reads OpenMetrics 1.0 text, and takes nothing that the specification does not allow.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

/// One family of metrics.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) unit: Option<String>,
    /// By name of the sample and labels.
    pub(crate) samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

/// The families by name.
pub(crate) struct Exposition(pub(crate) BTreeMap<String, Family>);

impl Exposition {
    /// # Panics
    /// When the text is not valid, saying where.
    pub(crate) fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("it ends with `# EOF` and a line feed");
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current = String::new();
        for line in body.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let mut word = || words.next().unwrap_or_else(|| panic!("cut short: {line}"));
                let (keyword, name, rest) = (word(), word(), word());
                check_name(name, line);
                if name != current {
                    let is_new = families.insert(name.into(), Family::default()).is_none();
                    assert!(is_new, "families stand together: {line}");
                    current = name.into();
                }
                let family = families.get_mut(name).expect("it was entered");
                assert!(family.samples.is_empty(), "metadata stand before samples: {line}");
                match keyword {
                    "TYPE" => family.kind = rest.into(),
                    "UNIT" => family.unit = Some(rest.into()),
                    "HELP" => assert!(!rest.is_empty(), "{line}"),
                    _ => panic!("there is no such keyword: {line}"),
                }
            } else {
                let family = families.get_mut(&current).expect("samples belong to a family");
                let (name, labels, value) = sample(line);
                check_sample(&current, family, &name, &labels, value, line);
                let is_new = family.samples.insert((name, labels), value).is_none();
                assert!(is_new, "no series comes twice: {line}");
            }
        }
        families.iter().for_each(|(name, family)| check_family(name, family));
        Self(families)
    }

    /// The value of one sample.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let key = (name.to_owned(), labels);
        self.0.values().find_map(|family| family.samples.get(&key).copied())
    }
}

fn check_name(name: &str, line: &str) {
    let first = name.bytes().next();
    let begins = first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let is_valid = begins && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    assert!(is_valid, "a bad name: {line}");
}

/// `name{label="value",...} number`
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let (name, mut rest) = line.split_at(end);
    check_name(name, line);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, behind) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            check_name(label, line);
            let (value, behind) = quoted(behind, line);
            assert!(labels.insert(label.to_owned(), value).is_none(), "a label twice: {line}");
            rest = behind.strip_prefix(',').unwrap_or(behind);
            assert!(rest.len() < behind.len() || rest.starts_with('}'), "{line}");
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("one space: {line}"));
    let number = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    (name.to_owned(), labels, number)
}

/// The value up to the quote that ends it, and what stands behind that.
fn quoted<'t>(text: &'t str, line: &str) -> (String, &'t str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                _ => panic!("a bad escape: {line}"),
            },
            '\n' => panic!("a line feed in a value: {line}"),
            other => value.push(other),
        }
    }
    panic!("no end of a value: {line}")
}

fn check_sample(
    of: &str,
    family: &Family,
    name: &str,
    labels: &BTreeMap<String, String>,
    value: f64,
    line: &str,
) {
    let suffix = name.strip_prefix(of).unwrap_or_else(|| panic!("of another family: {line}"));
    let has_bound = labels.contains_key("le");
    match (family.kind.as_str(), suffix) {
        ("gauge", "") => {}
        ("counter", "_total") | ("histogram", "_sum" | "_count") if !has_bound => {
            assert!(value >= 0.0, "{line}");
        }
        ("histogram", "_bucket") if has_bound => assert!(value >= 0.0, "{line}"),
        _ => panic!("no sample of a {}: {line}", family.kind),
    }
}

fn check_family(name: &str, family: &Family) {
    assert!(!family.kind.is_empty(), "{name} has no type");
    if let Some(unit) = &family.unit {
        assert!(name.ends_with(&format!("_{unit}")), "{name} does not end with its unit");
    }
    if family.kind == "histogram" {
        check_histogram(name, family);
    }
}

/// Buckets rise, and the last one holds all.
fn check_histogram(name: &str, family: &Family) {
    let of = |suffix: &str| {
        let name = format!("{name}{suffix}");
        family.samples.iter().filter(move |((sample, _), _)| *sample == name)
    };
    let mut series: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    for ((_, labels), value) in of("_bucket") {
        let mut labels = labels.clone();
        let bound = labels.remove("le").expect("checked before");
        let bound = bound.replace("+Inf", "inf").parse().expect("a bound is a number");
        series.entry(labels).or_default().push((bound, *value));
    }
    let counted: BTreeSet<_> = of("_count").map(|((_, labels), _)| labels).collect();
    assert_eq!(counted, series.keys().collect(), "{name}: buckets and counts");
    for ((_, labels), count) in of("_count") {
        let mut buckets = series[labels].clone();
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        assert!(buckets.is_sorted_by(|(_, one), (_, other)| one <= other), "{name} falls");
        assert_eq!(buckets.last(), Some(&(f64::INFINITY, *count)), "{name} loses some");
    }
}
