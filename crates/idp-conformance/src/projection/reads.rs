//! What queries see of a read model: by key, by page, by revision, and never across tenants.

use super::rows::{apply, board_keeper, put};
use crate::Harness;
use crate::clauses::clauses;
use crate::fixture::{ann_of, application, refused};
use crate::sample::BoardRow;
use idp_application::{
    Application, Applied, Backend, ErrorKind, KeysetToken, PageRequest, Reads, Revised,
};
use idp_domain::{Order, Specification, TextField, Timestamp, Uuid};
use std::sync::Arc;

clauses! {
    macro projection_reads of projection::reads;
    a_row_is_found_by_its_key,
    pages_visit_every_row_once,
    a_page_can_be_jumped_to,
    a_page_that_is_no_page_is_refused,
    rows_are_counted_by_specification,
    changes_come_by_revision,
    another_tenant_sees_no_row,
    an_administrator_sees_the_rows_of_all_tenants,
    pages_over_all_tenants_visit_every_row_once,
}

const ROWS: u128 = 40;

/// A row whose values repeat: many ties in every order.
fn row(number: u128) -> BoardRow {
    let small = i32::try_from(number).expect("small");
    BoardRow {
        title: ["Z", "a", "é", "😀", "\u{fffd}"][usize::try_from(number % 5).expect("small")]
            .into(),
        weight: [0.0, -0.0, 0.1 + 0.2, 0.3, -1e300][usize::try_from(number % 5).expect("small")],
        urgent: number.is_multiple_of(2),
        due_at: Timestamp::from_unix_micros(i64::from(small % 3)),
        remark: (!number.is_multiple_of(3)).then(|| "x".into()),
        ..BoardRow::numbered(number)
    }
}

/// Forty rows of one tenant and four of another; the revision is the number of the row.
async fn stocked<H: Harness>(harness: &H) -> Application {
    let backend = harness.backend();
    let mut writes: Vec<_> =
        (1..=ROWS).map(|n| put("acme", &row(n), i64::try_from(n).expect("small"))).collect();
    writes.extend((1..=4).map(|n| put("globex", &row(n), 100 + i64::try_from(n).expect("small"))));
    let keeper = board_keeper(&backend).await;
    let outcome = apply(&keeper, 200, writes).await.expect("applied");
    assert_eq!(outcome, Applied::Done);
    application(&backend)
}

fn reads(app: &Application, name: &str) -> Reads {
    app.reads(&ann_of(name))
}

fn everything(size: u32) -> PageRequest<BoardRow> {
    PageRequest::of(Specification::all(), size)
}

fn keys(rows: &[Revised<BoardRow>]) -> Vec<Uuid> {
    rows.iter().map(|row| row.id).collect()
}

/// With its revision and its tenant.
pub async fn a_row_is_found_by_its_key<H: Harness>(harness: H) {
    let app = stocked(&harness).await;
    let acme = reads(&app, "acme");
    let found = acme.find::<BoardRow>(Uuid::from_u128(3)).await.expect("read").expect("there");
    assert_eq!((found.row, found.revision, found.tenant.as_str()), (row(3), 3, "acme"));
    assert!(acme.find::<BoardRow>(Uuid::from_u128(99)).await.expect("read").is_none());
}

/// The orders in which the clause below reads, mixed in direction.
fn orders() -> Vec<Vec<Order<BoardRow>>> {
    vec![
        vec![],
        vec![BoardRow::ID.desc()],
        vec![BoardRow::TITLE.asc()],
        vec![BoardRow::TITLE.desc(), BoardRow::DUE_AT.asc()],
        vec![BoardRow::WEIGHT.asc(), BoardRow::TITLE.desc()],
        vec![BoardRow::WEIGHT.desc(), BoardRow::ID.desc()],
        vec![BoardRow::URGENT.desc(), BoardRow::WEIGHT.asc(), BoardRow::DUE_AT.desc()],
    ]
}

/// In one order, whatever the size of a page; the place goes through the hands of a client as text.
pub async fn pages_visit_every_row_once<H: Harness>(harness: H) {
    let app = stocked(&harness).await;
    let acme = reads(&app, "acme");
    for order in orders() {
        let sorted = |size| order.iter().fold(everything(size), |request, by| request.by(*by));
        let all = keys(&acme.page(sorted(1_000)).await.expect("read").items);
        assert_eq!(all.len(), usize::try_from(ROWS).expect("small"));
        for size in [1, 3, 20, 39, 40] {
            let (mut visited, mut next) = (Vec::new(), None);
            loop {
                let page = acme.page(sorted(size).after(next)).await.expect("read");
                visited.extend(keys(&page.items));
                assert!(visited.len() <= all.len(), "a page repeats rows");
                let Some(token) = page.next else { break };
                next = Some(KeysetToken::from_text(token.as_str()));
            }
            assert_eq!(visited, all, "{size} rows a page");
        }
    }
}

/// By the number of rows before it.
pub async fn a_page_can_be_jumped_to<H: Harness>(harness: H) {
    let app = stocked(&harness).await;
    let acme = reads(&app, "acme");
    let all =
        keys(&acme.page(everything(1_000).by(BoardRow::TITLE.asc())).await.expect("read").items);
    for skipped in [0, 10, 35, 40, 99] {
        let request = everything(10).by(BoardRow::TITLE.asc()).skip(skipped);
        let page = acme.page(request).await.expect("read");
        let expected: Vec<_> = all.iter().skip(skipped as usize).take(10).copied().collect();
        assert_eq!(keys(&page.items), expected);
        assert_eq!(page.next.is_some(), skipped + 10 < 40);
    }
}

/// With what is wrong with it.
pub async fn a_page_that_is_no_page_is_refused<H: Harness>(harness: H) {
    let app = stocked(&harness).await;
    let acme = reads(&app, "acme");
    refused(acme.page(everything(0)).await, ErrorKind::Invalid);
    refused(acme.page(everything(1_001)).await, ErrorKind::Invalid);
    let by_remark = everything(10).by(BoardRow::REMARK.asc());
    refused(acme.page(by_remark).await, ErrorKind::Unsupported);
    for token in ["", "zz", "5b5d", "é", "5b22612220"] {
        let request = everything(10).after(Some(KeysetToken::from_text(token)));
        refused(acme.page(request).await, ErrorKind::Invalid);
    }
}

/// Nulls satisfy no comparison.
pub async fn rows_are_counted_by_specification<H: Harness>(harness: H) {
    let app = stocked(&harness).await;
    let acme = reads(&app, "acme");
    let count = async |spec: Specification<BoardRow>| {
        let expected = (1..=ROWS).filter(|number| spec.is_satisfied_by(&row(*number))).count();
        let counted = acme.count(spec.clone()).await.expect("read");
        assert_eq!(usize::try_from(counted), Ok(expected), "{spec:?}");
    };
    count(Specification::all()).await;
    count(BoardRow::URGENT.eq(true)).await;
    count(BoardRow::REMARK.eq("x")).await;
    count(!BoardRow::REMARK.eq("x")).await;
    count(BoardRow::REMARK.is_null() | BoardRow::TITLE.starts_with("é")).await;
    count(BoardRow::WEIGHT.eq(0.0) & BoardRow::DUE_AT.gt(Timestamp::UNIX_EPOCH)).await;
}

/// The earliest first; a row that changed twice comes once, as it is now.
pub async fn changes_come_by_revision<H: Harness>(harness: H) {
    let backend: Arc<dyn Backend> = harness.backend();
    let app = application(&backend);
    let acme = reads(&app, "acme");
    assert_eq!(acme.revision::<BoardRow>().await.expect("read"), 0);
    let keeper = board_keeper(&backend).await;
    let batches = [(5, 1), (6, 2), (7, 3), (8, 1), (9, 4)];
    for (revision, number) in batches {
        let row = BoardRow { title: format!("as of {revision}"), ..BoardRow::numbered(number) };
        let outcome = apply(&keeper, revision, vec![put("acme", &row, revision)]).await;
        assert_eq!(outcome.expect("applied"), Applied::Done);
    }
    assert_eq!(acme.revision::<BoardRow>().await.expect("read"), 9);
    let changed = async |after, limit| {
        let rows = acme.changed_after::<BoardRow>(after, limit).await.expect("read");
        let row = |row: &Revised<BoardRow>| {
            assert_eq!(row.title, format!("as of {}", row.revision));
            (row.revision, row.id.as_u128())
        };
        rows.iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(changed(0, 100).await, [(6, 2), (7, 3), (8, 1), (9, 4)]);
    assert_eq!(changed(6, 2).await, [(7, 3), (8, 1)]);
    assert_eq!(changed(9, 100).await, []);
    assert_eq!(reads(&app, "globex").revision::<BoardRow>().await.expect("read"), 0);
}

/// By key, page, number or revision.
pub async fn another_tenant_sees_no_row<H: Harness>(harness: H) {
    let app = stocked(&harness).await;
    let key = Uuid::from_u128(30);
    for (name, expected) in [("globex", 4), ("initech", 0)] {
        let reads = reads(&app, name);
        assert!(reads.find::<BoardRow>(key).await.expect("read").is_none());
        assert_eq!(reads.page(everything(100)).await.expect("read").items.len(), expected);
        let either: Specification<BoardRow> =
            BoardRow::URGENT.eq(true) | BoardRow::URGENT.eq(false);
        let page = reads.page(PageRequest::of(either, 100)).await.expect("read");
        assert_eq!(page.items.len(), expected);
        let all = reads.count::<BoardRow>(Specification::all()).await.expect("read");
        assert_eq!(usize::try_from(all), Ok(expected));
        let changed = reads.changed_after::<BoardRow>(0, 100).await.expect("read");
        assert_eq!(changed.len(), expected);
        assert!(changed.iter().all(|row| row.tenant.as_str() == name));
    }
}

/// Rows of two tenants may have the same key: the tenant tells them apart at the edge of a page.
pub async fn pages_over_all_tenants_visit_every_row_once<H: Harness>(harness: H) {
    stocked(&harness).await;
    let builder = Application::builder(harness.backend());
    let authority = builder.admin_authority();
    let app = builder.build();
    let reads = app.reads_of_all_tenants(&authority).expect("it is the application's own");
    let mut visited = Vec::new();
    let mut after = None;
    loop {
        let request = PageRequest::<BoardRow>::of(Specification::all(), 1).after(after);
        let page = reads.page(request).await.expect("read");
        visited.extend(page.items.iter().map(|row| (row.row.id, row.tenant.clone())));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(visited.len(), 44);
    assert!(visited.is_sorted_by(|a, b| a < b), "by key, then tenant, none twice");
}

/// With an authority of this application only; each row says whose it is.
pub async fn an_administrator_sees_the_rows_of_all_tenants<H: Harness>(harness: H) {
    stocked(&harness).await;
    let builder = Application::builder(harness.backend());
    let authority = builder.admin_authority();
    let app = builder.build();
    let reads = app.reads_of_all_tenants(&authority).expect("it is the application's own");
    let rows = reads.changed_after::<BoardRow>(0, 100).await.expect("read");
    let owners: Vec<_> = rows.iter().map(|row| row.tenant.as_str()).collect();
    assert_eq!(owners, [["acme"; 40].as_slice(), &["globex"; 4]].concat());
    assert_eq!(reads.count::<BoardRow>(Specification::all()).await.expect("read"), 44);
    let other = Application::builder(harness.backend()).admin_authority();
    refused(app.reads_of_all_tenants(&other).map(|_| ()), ErrorKind::Forbidden);
}
