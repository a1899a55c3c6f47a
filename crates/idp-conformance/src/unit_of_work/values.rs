//! Every value comes back as it was written, or is refused before anything is.

use crate::Harness;
use crate::clauses::clauses;
use crate::fixture::{ann, application, given, parcel_id, refused, stored, values_of};
use crate::follower::whole_log;
use crate::sample::{CarrierId, Item, Parcel, ParcelEvent, Size, Status};
use idp_application::{Application, ErrorKind, Listing};
use idp_domain::{EntityId, TextField, Timestamp, Uuid};

clauses! {
    macro unit_of_work_values of unit_of_work::values;
    extreme_numbers_come_back_as_they_were,
    text_comes_back_as_it_was,
    instants_come_back_to_the_microsecond,
    identities_and_enums_come_back_as_they_were,
    composite_values_come_back_as_they_were,
    values_can_become_null_and_back,
    a_float_that_is_not_finite_is_refused_by_name,
    text_with_nul_is_refused_by_name,
    the_payload_of_an_event_comes_back_as_it_was,
}

type Change = Box<dyn Fn(&mut Parcel)>;

/// Writes each change twice, with an insert and with an update, and reads it back.
async fn round_trip<H: Harness>(harness: H, changes: Vec<Change>) {
    let app = application(&harness.backend());
    for (change, number) in changes.iter().zip(1..) {
        let (inserted, updated) = (parcel_id(2 * number), parcel_id(2 * number + 1));
        given(&app, &ann(), |unit| {
            let mut parcel = Parcel::registered(inserted);
            change(&mut parcel);
            unit.add(parcel)?;
            unit.add(Parcel::registered(updated))
        })
        .await;
        let unit = app.begin(ann());
        change(&mut unit.get::<Parcel>(updated).await.expect("there"));
        unit.commit().await.expect("committed");
        for id in [inserted, updated] {
            let mut expected = Parcel::registered(id);
            change(&mut expected);
            let (parcel, _) = stored::<Parcel>(&app, &ann(), id).await.expect("there");
            assert_eq!(values_of(&parcel), values_of(&expected));
            if expected.weight != 0.0 {
                assert_eq!(parcel.weight.to_bits(), expected.weight.to_bits());
            }
        }
    }
}

/// The sign of a zero is not promised: nothing that is compared can tell it.
pub async fn extreme_numbers_come_back_as_they_were<H: Harness>(harness: H) {
    let mut changes: Vec<Change> = Vec::new();
    for value in [i64::MIN, i64::MAX, -1, (1 << 53) + 1, i64::from(i32::MAX) + 1] {
        changes.push(Box::new(move |parcel| parcel.value = value));
    }
    let smallest = f64::from_bits(1);
    for weight in [
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        smallest,
        -smallest,
        f64::EPSILON,
        0.1 + 0.2,
        1.0 / 3.0,
        9_007_199_254_740_993.0,
        1e23,
        -0.0,
        -1.5,
    ] {
        changes.push(Box::new(move |parcel| {
            parcel.weight = weight;
            parcel.tariff = Some(weight);
        }));
    }
    changes.push(Box::new(|parcel| {
        (parcel.priority, parcel.pieces) = (i16::MIN, i32::MIN);
        (parcel.zone, parcel.port, parcel.serial) = (u8::MAX, u16::MAX, u32::MAX);
    }));
    changes.push(Box::new(|parcel| {
        (parcel.priority, parcel.pieces, parcel.rank) = (i16::MAX, i32::MAX, Some(i32::MIN));
        (parcel.fragile, parcel.insured) = (true, Some(false));
    }));
    round_trip(harness, changes).await;
}

/// Texts that databases, drivers and escapes stumble over.
const TEXTS: [&str; 18] = [
    "",
    " ",
    " both ends ",
    "it's \"quoted\" `here`",
    "back\\slash \\n \\u0000 \\x00",
    "%_*?[]",
    "line\nbreak\r\ttab",
    "\u{1}\u{7f}\u{80}\u{9f}",
    "äöüßéñ",
    "e\u{301} is not \u{e9}",
    "日本語 العربية עברית",
    "😀👩‍👩‍👧‍👦",
    "\u{feff}mark",
    "\u{fffd}\u{ffff}\u{10ffff}",
    "$1 :name ?1 {0} #{x} ${y}",
    "'; drop table parcel; --",
    "NULL",
    "{\"json\": [1, \"two\"]}",
];

/// To the code point: nothing is normalized, trimmed or cut.
pub async fn text_comes_back_as_it_was<H: Harness>(harness: H) {
    let mut changes: Vec<Change> = Vec::new();
    for (at, text) in TEXTS.into_iter().enumerate() {
        changes.push(Box::new(move |parcel| {
            parcel.reference = format!("{text}{at}{}", parcel.label);
            parcel.note = Some(text.into());
        }));
    }
    let long = "long ".repeat(20_000);
    changes.push(Box::new(move |parcel| parcel.note = Some(long.clone())));
    round_trip(harness, changes).await;
}

/// From the first to the last that there is.
pub async fn instants_come_back_to_the_microsecond<H: Harness>(harness: H) {
    let mut changes: Vec<Change> = Vec::new();
    for micros in [
        i64::MIN,
        -2_208_988_800_000_001,
        -1,
        0,
        1,
        951_782_399_999_999,
        1_700_000_000_123_456,
        4_102_444_800_000_001,
        i64::MAX,
    ] {
        let instant = Timestamp::from_unix_micros(micros);
        changes.push(Box::new(move |parcel| {
            parcel.due_at = instant;
            parcel.seen_at = Some(instant);
        }));
    }
    round_trip(harness, changes).await;
}

/// All bits of an identity, every variant of an enum.
pub async fn identities_and_enums_come_back_as_they_were<H: Harness>(harness: H) {
    let mut changes: Vec<Change> = Vec::new();
    for uuid in [Uuid::nil(), Uuid::max(), Uuid::from_u128(0x0123_4567_89ab_cdef << 64)] {
        changes.push(Box::new(move |parcel| {
            parcel.label = uuid;
            parcel.carrier = Some(CarrierId::from_uuid(uuid));
        }));
    }
    for status in [Status::InTransit, Status::Delivered, Status::Lost] {
        changes.push(Box::new(move |parcel| {
            parcel.status = status;
            parcel.outcome = Some(status);
        }));
    }
    round_trip(harness, changes).await;
}

fn item(name: &str, weight: f64, size: Option<Size>) -> Item {
    Item { name: name.into(), weight, count: i64::MAX, size }
}

/// Lists, nested values and options inside of JSON, to the last bit of a float.
pub async fn composite_values_come_back_as_they_were<H: Harness>(harness: H) {
    let texts: Vec<Item> = TEXTS.into_iter().map(|text| item(text, 1.0, None)).collect();
    let sizes = vec![
        item("none", f64::MIN_POSITIVE, None),
        item("letter", 0.1 + 0.2, Some(Size::Letter("X\"L\" \\ 日".into()))),
        item("box", f64::MAX, Some(Size::Box { length: u32::MAX, width: 0 })),
        item("hard to read", 2.225_073_858_507_201e-308, None),
        item("harder", 123_456_789.012_345_68, None),
    ];
    let many: Vec<Item> = (0..500).map(|n| item("many", f64::from(n) / 7.0, None)).collect();
    let lists = [vec![], texts, sizes, many];
    let change = |items: Vec<Item>| -> Change {
        Box::new(move |parcel| {
            parcel.largest = items.last().cloned();
            parcel.items = items.clone();
        })
    };
    round_trip(harness, lists.into_iter().map(change).collect()).await;
}

fn fill(parcel: &mut Parcel) {
    (parcel.note, parcel.rank, parcel.tariff) = (Some(String::new()), Some(0), Some(0.0));
    parcel.insured = Some(false);
    parcel.carrier = Some(CarrierId::from_uuid(Uuid::nil()));
    parcel.seen_at = Some(Timestamp::UNIX_EPOCH);
    parcel.outcome = Some(Status::Lost);
    parcel.largest = Some(item("", 0.0, None));
}

fn empty(parcel: &mut Parcel) {
    (parcel.note, parcel.rank, parcel.tariff, parcel.insured) = (None, None, None, None);
    (parcel.carrier, parcel.seen_at, parcel.outcome, parcel.largest) = (None, None, None, None);
}

/// An empty text is not null, nor is zero or false.
pub async fn values_can_become_null_and_back<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    given(&app, &ann(), |unit| unit.add(Parcel::registered(parcel_id(1)))).await;
    for change in [fill, empty, fill] {
        let unit = app.begin(ann());
        change(&mut unit.get::<Parcel>(parcel_id(1)).await.expect("there"));
        unit.commit().await.expect("committed");
        let mut expected = Parcel::registered(parcel_id(1));
        change(&mut expected);
        let (parcel, _) = stored::<Parcel>(&app, &ann(), parcel_id(1)).await.expect("there");
        assert_eq!(values_of(&parcel), values_of(&expected));
    }
}

/// Writes a change that cannot be kept, once with an insert and once with an update: both are
/// refused, name the field, and write nothing.
async fn refuse(app: &Application, field: &str, change: impl Fn(&mut Parcel)) {
    let unit = app.begin(ann());
    let mut parcel = Parcel::registered(parcel_id(2));
    change(&mut parcel);
    unit.add(parcel).expect("noticed at the commit");
    let inserted = refused(unit.commit().await, ErrorKind::Invalid);
    let unit = app.begin(ann());
    unit.add(Parcel::registered(parcel_id(3))).expect("new");
    change(&mut unit.get::<Parcel>(parcel_id(1)).await.expect("there"));
    let updated = refused(unit.commit().await, ErrorKind::Invalid);
    for error in [inserted, updated] {
        assert!(error.message().contains(&format!("`parcel.{field}`")), "{error}");
    }
    assert_eq!(stored::<Parcel>(app, &ann(), parcel_id(1)).await.expect("there").1, 1);
    for number in [2, 3] {
        assert!(stored::<Parcel>(app, &ann(), parcel_id(number)).await.is_none());
    }
}

/// NaN equals nothing, and not every database has infinity.
pub async fn a_float_that_is_not_finite_is_refused_by_name<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    given(&app, &ann(), |unit| unit.add(Parcel::registered(parcel_id(1)))).await;
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        refuse(&app, "weight", |parcel| parcel.weight = number).await;
        refuse(&app, "tariff", |parcel| parcel.tariff = Some(number)).await;
        let unit = app.begin(ann());
        let error = unit.list::<Parcel>(Listing::of(Parcel::WEIGHT.lt(number))).await;
        refused(error, ErrorKind::Invalid);
    }
    assert_eq!(whole_log(&harness.backend()).await.len(), 1);
}

/// PostgreSQL has no such text, so no store has.
pub async fn text_with_nul_is_refused_by_name<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    given(&app, &ann(), |unit| unit.add(Parcel::registered(parcel_id(1)))).await;
    refuse(&app, "reference", |parcel| parcel.reference = "a\0b".into()).await;
    refuse(&app, "note", |parcel| parcel.note = Some("\0".into())).await;
    refuse(&app, "items", |parcel| parcel.items = vec![item("a\0b", 1.0, None)]).await;
    refuse(&app, "payload", |parcel| {
        parcel.events.raise(ParcelEvent::Noted { note: "a\0b".into(), weight: 1.0 });
    })
    .await;
    for listing in [Parcel::REFERENCE.eq("a\0b"), Parcel::NOTE.starts_with("\0")] {
        let unit = app.begin(ann());
        refused(unit.list::<Parcel>(Listing::of(listing)).await, ErrorKind::Invalid);
    }
    assert_eq!(whole_log(&harness.backend()).await.len(), 1);
}

/// And is the same event when it is decoded.
pub async fn the_payload_of_an_event_comes_back_as_it_was<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let events: Vec<_> = TEXTS
        .into_iter()
        .zip(
            [0.1 + 0.2, f64::MAX, f64::from_bits(1), 123_456_789.012_345_68, -1.5]
                .into_iter()
                .cycle(),
        )
        .map(|(text, weight)| ParcelEvent::Noted { note: text.into(), weight })
        .collect();
    given(&app, &ann(), |unit| {
        let mut parcel = Parcel::registered(parcel_id(1));
        events.iter().for_each(|event| parcel.events.raise(event.clone()));
        unit.add(parcel)
    })
    .await;
    let log = whole_log(&harness.backend()).await;
    let decoded: Vec<ParcelEvent> =
        log.iter().map(|envelope| envelope.decode().expect("it was written as one")).collect();
    assert_eq!(decoded[1..], events);
}
