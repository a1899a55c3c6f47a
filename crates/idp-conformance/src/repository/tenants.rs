//! No read and no write across tenants.

use crate::Harness;
use crate::catalog::{self, COUNT, found, query};
use crate::clauses::clauses;
use crate::fixture::{
    ann_of, application, count_of, count_on, counter_id, given, given_counter, given_parcel,
    parcel_id, refused, stored, tenant,
};
use crate::follower::whole_log;
use crate::sample::{Counter, Parcel};
use idp_application::{
    ChangeSet, ErrorKind, Listing, RowQuery, RowWrite, SystemColumn, Visibility, WriteKind,
};
use idp_domain::{ColumnSet, EntityId, Predicate, Record, Specification, Value};

clauses! {
    macro repository_tenants of repository::tenants;
    another_tenant_sees_nothing,
    an_alternative_in_a_specification_does_not_reach_another_tenant,
    a_known_identity_is_not_found_by_another_tenant,
    a_write_does_not_reach_a_row_of_another_tenant,
    one_identity_can_exist_in_two_tenants,
    one_unique_key_can_exist_in_two_tenants,
    deleted_rows_of_another_tenant_stay_hidden,
    every_row_and_event_says_whose_it_is,
}

/// Neither by identity, nor in a list, nor in a number.
pub async fn another_tenant_sees_nothing<H: Harness>(harness: H) {
    let backend = harness.backend();
    let app = application(&backend);
    catalog::store(&backend, "acme").await;
    given_parcel(&app, &ann_of("globex"), 1).await;
    for (name, expected) in [("acme", COUNT), ("globex", 1), ("initech", 0), ("acm", 0)] {
        let unit = app.begin(ann_of(name));
        let listed = unit.list::<Parcel>(Listing::of(Specification::all())).await.expect("read");
        assert_eq!(listed.len(), usize::from(expected), "{name}");
        let counted = backend.count(query(name, Predicate::True)).await.expect("read");
        assert_eq!(counted, u64::from(expected), "{name}");
    }
    let unit = app.begin(ann_of("initech"));
    assert!(unit.find::<Parcel>(parcel_id(1)).await.expect("read").is_none());
}

/// The condition on the tenant holds for every alternative.
pub async fn an_alternative_in_a_specification_does_not_reach_another_tenant<H: Harness>(
    harness: H,
) {
    let backend = harness.backend();
    catalog::store(&backend, "acme").await;
    given_parcel(&application(&backend), &ann_of("globex"), 1).await;
    let own = vec![parcel_id(1).uuid()];
    let everything: [Specification<Parcel>; 4] = [
        Parcel::PIECES.eq(1) | Parcel::PIECES.ne(1),
        Parcel::NOTE.is_null() | Specification::all(),
        !Parcel::PIECES.eq(99),
        !(Parcel::PIECES.eq(99) & Parcel::PIECES.eq(98)),
    ];
    for spec in everything {
        let query = query("globex", spec.predicate().clone()).with_order(vec![]);
        assert_eq!(found(&*backend, query.clone()).await, own, "{spec:?}");
        assert_eq!(backend.count(query.clone()).await.expect("read"), 1, "{spec:?}");
        let after = Some(vec![Value::Uuid(parcel_id(0).uuid())]);
        let behind = RowQuery { after, ..query };
        assert_eq!(found(&*backend, behind).await, own, "{spec:?}");
    }
}

/// To it there is no such thing.
pub async fn a_known_identity_is_not_found_by_another_tenant<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_parcel(&app, &ann_of("acme"), 1).await;
    for name in ["globex", "initech"] {
        let unit = app.begin(ann_of(name));
        assert!(unit.find::<Parcel>(id).await.expect("read").is_none());
        refused(unit.get::<Parcel>(id).await, ErrorKind::NotFound);
        refused(unit.restore::<Parcel>(id).await, ErrorKind::NotFound);
    }
}

/// Even of one who knows its identity and version.
pub async fn a_write_does_not_reach_a_row_of_another_tenant<H: Harness>(harness: H) {
    let backend = harness.backend();
    let app = application(&backend);
    let id = given_counter(&app, &ann_of("acme"), 1).await;
    let count = Counter::COUNT.column();
    let mut columns = ColumnSet::EMPTY;
    columns.insert_if(count, true);
    let values = vec![Value::Int(666)];
    for kind in [
        WriteKind::Update { expected: 1, columns, values: values.clone() },
        WriteKind::Update { expected: 1, columns: ColumnSet::EMPTY, values: vec![] },
        WriteKind::Remove { expected: 1, columns, values },
        WriteKind::Delete { expected: 1 },
    ] {
        let write = RowWrite { table: Counter::SCHEMA, key: id.uuid(), kind, stamps: vec![] };
        let changes = ChangeSet { tenant: tenant("globex"), writes: vec![write], events: vec![] };
        refused(backend.commit(changes).await, ErrorKind::Conflict);
        assert_eq!(count_of(&app, &ann_of("acme"), id).await, (0, 1));
        assert!(stored::<Counter>(&app, &ann_of("globex"), id).await.is_none());
    }
}

/// Each goes its own way.
pub async fn one_identity_can_exist_in_two_tenants<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let (acme, globex, initech) = (ann_of("acme"), ann_of("globex"), ann_of("initech"));
    let id = counter_id(1);
    for (context, times) in [(&acme, 1), (&globex, 3), (&initech, 2)] {
        given_counter(&app, context, 1).await;
        for _ in 0..times {
            count_on(&app, context, id).await;
        }
    }
    let unit = app.begin(acme.clone());
    unit.remove(unit.get::<Counter>(id).await.expect("there"));
    unit.commit().await.expect("committed");
    assert!(stored::<Counter>(&app, &acme, id).await.is_none());
    assert_eq!(count_of(&app, &globex, id).await, (3, 4));
    assert_eq!(count_of(&app, &initech, id).await, (2, 3));
}

/// It is unique within a tenant.
pub async fn one_unique_key_can_exist_in_two_tenants<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    for name in ["acme", "globex", "initech"] {
        given(&app, &ann_of(name), |unit| {
            let mut parcel = Parcel::registered(parcel_id(1));
            parcel.reference = "R1".into();
            unit.add(parcel)
        })
        .await;
    }
    let unit = app.begin(ann_of("globex"));
    let mut parcel = Parcel::registered(parcel_id(2));
    parcel.reference = "R1".into();
    unit.add(parcel).expect("noticed at the commit");
    refused(unit.commit().await, ErrorKind::Duplicate);
}

/// Also from one who asks for deleted rows.
pub async fn deleted_rows_of_another_tenant_stay_hidden<H: Harness>(harness: H) {
    let backend = harness.backend();
    let app = application(&backend);
    for (name, number) in [("acme", 1), ("acme", 2), ("globex", 3)] {
        given_parcel(&app, &ann_of(name), number).await;
    }
    let unit = app.begin(ann_of("acme"));
    unit.remove(unit.get::<Parcel>(parcel_id(1)).await.expect("there"));
    unit.commit().await.expect("committed");
    for (name, numbers) in [("acme", &[1, 2][..]), ("globex", &[3]), ("initech", &[])] {
        let all = query(name, Predicate::True).with_order(vec![]);
        let query = RowQuery { visibility: Visibility::WithDeleted, ..all };
        let expected: Vec<_> = numbers.iter().map(|number| parcel_id(*number).uuid()).collect();
        assert_eq!(found(&*backend, query).await, expected, "{name}");
    }
    let write = RowWrite {
        table: Parcel::SCHEMA,
        key: parcel_id(1).uuid(),
        kind: WriteKind::Update { expected: 2, columns: ColumnSet::EMPTY, values: vec![] },
        stamps: vec![(SystemColumn::DeletedAt, Value::Null)],
    };
    let changes = ChangeSet { tenant: tenant("globex"), writes: vec![write], events: vec![] };
    refused(backend.commit(changes).await, ErrorKind::Conflict);
}

/// So that whoever reads can check.
pub async fn every_row_and_event_says_whose_it_is<H: Harness>(harness: H) {
    let backend = harness.backend();
    let app = application(&backend);
    for name in ["acme", "globex"] {
        given_parcel(&app, &ann_of(name), 1).await;
        let fetched = backend.fetch(query(name, Predicate::True)).await.expect("read");
        let owners: Vec<_> = fetched.rows.iter().map(|row| row.tenant.as_str()).collect();
        assert_eq!(owners, [name]);
    }
    let log = whole_log(&backend).await;
    let mut owners: Vec<_> = log.iter().map(|event| event.tenant.as_str()).collect();
    owners.sort_unstable();
    assert_eq!(owners, ["acme", "globex"]);
}
