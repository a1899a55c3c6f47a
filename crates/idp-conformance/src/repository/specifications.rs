//! A specification says the same of a row in memory and in the store, nulls included.

use crate::Harness;
use crate::catalog::{FLOATS, MICROS, TEXTS, WHOLES, carrier, found, parcels, query, store};
use crate::clauses::clauses;
use crate::sample::{Parcel, Status};
use idp_application::Backend;
use idp_domain::{EntityId, Specification, TextField, Timestamp, Uuid};

clauses! {
    macro repository_specifications of repository::specifications;
    comparisons_agree_with_memory,
    text_comparisons_agree_with_memory,
    comparisons_with_nulls_agree_with_memory,
    lists_of_values_agree_with_memory,
    combinations_agree_with_memory,
    deeply_nested_specifications_agree_with_memory,
}

type Spec = Specification<Parcel>;

/// Compares what the store finds and counts with what the specification says of each parcel.
async fn check(backend: &dyn Backend, spec: &Spec) {
    let mut expected: Vec<Uuid> = parcels()
        .iter()
        .filter(|parcel| spec.is_satisfied_by(parcel))
        .map(|parcel| parcel.id.uuid())
        .collect();
    expected.sort();
    let query = query("acme", spec.predicate().clone()).with_order(vec![]);
    assert_eq!(found(backend, query.clone()).await, expected, "{spec:?}");
    let counted = backend.count(query).await.expect("the store can be read");
    assert_eq!(usize::try_from(counted), Ok(expected.len()), "count of {spec:?}");
}

/// Checks each specification and its negation.
async fn check_all<H: Harness>(harness: H, specs: Vec<Spec>) {
    let backend = harness.backend();
    store(&backend, "acme").await;
    // Rows of another tenant must change nothing.
    store(&backend, "globex").await;
    for spec in specs {
        check(&*backend, &spec).await;
        check(&*backend, &!spec).await;
    }
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_unix_micros(micros)
}

/// Every kind, every comparison.
fn comparisons() -> Vec<Spec> {
    let mut specs = vec![
        Parcel::FRAGILE.eq(true),
        Parcel::FRAGILE.ne(true),
        Parcel::FRAGILE.lt(true),
        Parcel::STATUS.eq(Status::Delivered),
        Parcel::STATUS.ge(Status::InTransit),
        Parcel::PRIORITY.gt(0_i16),
        Parcel::PIECES.le(2),
        Parcel::LABEL.eq(Uuid::from_u128(3 << 64)),
        Parcel::LABEL.lt(Uuid::from_u128(3 << 64)),
        Parcel::ID.ge(parcels()[7].id),
        Parcel::ID.ne(parcels()[7].id),
    ];
    for whole in WHOLES {
        specs.extend([Parcel::VALUE.eq(whole), Parcel::VALUE.lt(whole), Parcel::VALUE.ge(whole)]);
    }
    for float in FLOATS {
        specs.extend([
            Parcel::WEIGHT.eq(float),
            Parcel::WEIGHT.gt(float),
            Parcel::WEIGHT.le(float),
        ]);
    }
    for micros in MICROS {
        specs.extend([Parcel::DUE_AT.eq(time(micros)), Parcel::DUE_AT.gt(time(micros))]);
    }
    specs
}

/// Numbers, instants, identities, booleans and enums.
pub async fn comparisons_agree_with_memory<H: Harness>(harness: H) {
    check_all(harness, comparisons()).await;
}

fn text_comparisons() -> Vec<Spec> {
    let mut specs = Vec::new();
    for text in TEXTS {
        specs.extend([
            Parcel::NOTE.eq(text),
            Parcel::NOTE.lt(text),
            Parcel::NOTE.ge(text),
            Parcel::NOTE.starts_with(text),
            Parcel::REFERENCE.starts_with(text),
            Parcel::REFERENCE.gt(text),
        ]);
    }
    for prefix in ["%", "_", "\\", "[a]", "*", "1", "10", "100%0", "E", "'", "zebras"] {
        specs.extend([Parcel::NOTE.starts_with(prefix), Parcel::REFERENCE.starts_with(prefix)]);
    }
    specs
}

/// By code point: case, accents and wildcards count as what they are.
pub async fn text_comparisons_agree_with_memory<H: Harness>(harness: H) {
    check_all(harness, text_comparisons()).await;
}

fn null_comparisons() -> Vec<Spec> {
    vec![
        Parcel::NOTE.is_null(),
        Parcel::RANK.is_null(),
        Parcel::RANK.eq(2),
        Parcel::RANK.ne(2),
        Parcel::RANK.gt(-1),
        Parcel::TARIFF.le(0.0),
        Parcel::INSURED.eq(true),
        Parcel::INSURED.ne(true),
        Parcel::CARRIER.eq(carrier(1)),
        Parcel::CARRIER.gt(carrier(0)),
        Parcel::SEEN_AT.lt(time(0)),
        Parcel::OUTCOME.ne(Status::Lost),
        Parcel::RANK.eq(2) | Parcel::RANK.is_null(),
        Parcel::RANK.ne(2) & Parcel::TARIFF.gt(0.0),
        Parcel::RANK.ne(2) | Parcel::TARIFF.gt(0.0),
        !(Parcel::RANK.eq(2) & Parcel::NOTE.is_null()),
        !(Parcel::RANK.eq(2) | Parcel::INSURED.eq(false)),
    ]
}

/// A comparison with a null is neither true nor false, nor is its negation.
pub async fn comparisons_with_nulls_agree_with_memory<H: Harness>(harness: H) {
    check_all(harness, null_comparisons()).await;
}

fn lists() -> Vec<Spec> {
    let texts = || TEXTS.into_iter().map(String::from);
    vec![
        Parcel::RANK.is_in([]),
        Parcel::NOTE.is_in([]),
        Parcel::RANK.is_in([1]),
        Parcel::RANK.is_in([1, 3, 3, 99]),
        Parcel::VALUE.is_in(WHOLES),
        Parcel::VALUE.is_in(0..500),
        Parcel::WEIGHT.is_in([0.3, -0.0]),
        Parcel::NOTE.is_in(texts().take(5)),
        Parcel::NOTE.is_in(texts()),
        Parcel::STATUS.is_in([Status::Lost, Status::InTransit]),
        Parcel::CARRIER.is_in([carrier(0), carrier(2)]),
        Parcel::INSURED.is_in([true, false]),
        Parcel::DUE_AT.is_in(MICROS.into_iter().take(2).map(time)),
        Parcel::ID.is_in(parcels().into_iter().take(4).map(|parcel| parcel.id)),
    ]
}

/// Empty ones and long ones too.
pub async fn lists_of_values_agree_with_memory<H: Harness>(harness: H) {
    check_all(harness, lists()).await;
}

/// A source of numbers that gives the same ones each time (Marsaglia, *Xorshift RNGs*, 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let drawn = self.0 % u64::try_from(bound).expect("small");
        usize::try_from(drawn).expect("small")
    }

    fn tree(&mut self, leaves: &[Spec], depth: usize) -> Spec {
        let kind = if depth == 0 { 0 } else { self.below(6) };
        match kind {
            0 => leaves[self.below(leaves.len())].clone(),
            1 | 2 => self.tree(leaves, depth - 1) & self.tree(leaves, depth - 1),
            3 | 4 => self.tree(leaves, depth - 1) | self.tree(leaves, depth - 1),
            _ => !self.tree(leaves, depth - 1),
        }
    }
}

/// Two hundred trees of and, or and not over everything above, the same ones each time.
pub async fn combinations_agree_with_memory<H: Harness>(harness: H) {
    let mut leaves = vec![Specification::all(), !Specification::all()];
    leaves.extend(comparisons());
    leaves.extend(text_comparisons());
    leaves.extend(null_comparisons());
    leaves.extend(lists());
    let mut dice = Dice(0x1d9_c0de);
    let trees = (0..200).map(|_| dice.tree(&leaves, 4)).collect();
    check_all(harness, trees).await;
}

/// As a form with many fields may make them.
pub async fn deeply_nested_specifications_agree_with_memory<H: Harness>(harness: H) {
    let seed = || Parcel::RANK.eq(2);
    let negated = (0..40).fold(seed(), |spec, _| !spec);
    let alternating = (0..40).fold(seed(), |spec, level| {
        let leaf = Parcel::PIECES.eq(level % 6);
        if level % 2 == 0 { leaf | spec } else { Parcel::NOTE.is_null() & spec }
    });
    let wide = (0..200).fold(seed(), |spec, number| spec | Parcel::VALUE.eq(number));
    check_all(harness, vec![negated, alternating, wide]).await;
}
