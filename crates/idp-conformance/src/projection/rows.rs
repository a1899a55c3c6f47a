//! Rows and the checkpoint are one: both are written, or neither is.

use crate::Harness;
use crate::abandon::abandon_after;
use crate::clauses::clauses;
use crate::eventually::eventually;
use crate::fixture::{refused, tenant};
use crate::follower::{Follower, LONG, whole};
use crate::sample::BoardRow;
use idp_application::{
    Applied, Backend, Cursor, Error, ErrorKind, Lane, LaneProgress, ProjectionBatch,
    ProjectionWrite, RowQuery, Scope, StoredRow,
};
use idp_domain::{Record, RowValues, Timestamp, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

clauses! {
    macro projection_rows of projection::rows;
    rows_and_checkpoint_are_written_together,
    a_batch_that_fails_moves_no_checkpoint_and_writes_no_row,
    a_batch_under_an_old_epoch_writes_nothing,
    a_batch_after_a_release_writes_nothing,
    a_batch_renews_the_lease,
    a_checkpoint_can_move_without_rows,
    a_row_replaces_the_row_before,
    a_row_can_be_deleted_and_come_back,
    a_revision_is_stored_with_its_row,
    every_value_of_a_row_comes_back,
    one_key_can_exist_in_two_tenants,
    a_batch_can_hold_a_thousand_rows,
    a_batch_dropped_at_any_await_point_is_applied_as_a_whole_or_not_at_all,
    a_reset_empties_the_table_and_starts_from_the_beginning,
    a_reset_under_an_old_epoch_changes_nothing,
}

/// The worker that keeps the board, holding its lease.
pub(crate) async fn board_keeper(backend: &Arc<dyn Backend>) -> Follower {
    Follower::start(backend, &whole("board")).await
}

/// The write of a row of that tenant, as of that revision.
pub(crate) fn put(name: &str, row: &BoardRow, revision: i64) -> ProjectionWrite {
    ProjectionWrite::of(tenant(name), Value::Uuid(row.id), Some(row), revision)
}

fn delete(name: &str, row: &BoardRow, revision: i64) -> ProjectionWrite {
    ProjectionWrite::of::<BoardRow>(tenant(name), Value::Uuid(row.id), None, revision)
}

/// The progress up to the event of that number.
fn progress(keeper: &Follower, number: i64) -> LaneProgress {
    let cursor = Cursor { window: number, position: 10 * number };
    LaneProgress { lane: Lane::WHOLE, epoch: keeper.leases[0].epoch, cursor, sequence: number }
}

/// Applies the writes, with the checkpoint at the event of that number.
pub(crate) async fn apply(
    keeper: &Follower,
    number: i64,
    writes: Vec<ProjectionWrite>,
) -> Result<Applied, Error> {
    let progress = progress(keeper, number);
    let reader = keeper.reader.clone();
    let batch = ProjectionBatch { reader, progress, lease_ttl: LONG, writes };
    keeper.backend.apply(batch).await
}

async fn applied(keeper: &Follower, number: i64, writes: Vec<ProjectionWrite>) {
    let outcome = apply(keeper, number, writes).await.expect("the batch can be applied");
    assert_eq!(outcome, Applied::Done);
}

/// The rows of that tenant, by key.
async fn rows(backend: &Arc<dyn Backend>, name: &str) -> Vec<(BoardRow, i64)> {
    let all = RowQuery::all(BoardRow::SCHEMA, Scope::Tenant(tenant(name))).with_order(vec![]);
    let fetched = backend.fetch(all).await.expect("the store can be read");
    let row = |StoredRow { version, values, .. }| {
        let row = RowValues::new(BoardRow::SCHEMA, values).and_then(BoardRow::from_row);
        (row.expect("the row is whole"), version)
    };
    fetched.rows.into_iter().map(row).collect()
}

/// Gives the lease back and takes it again, which shows the checkpoint.
async fn checkpoint(keeper: &mut Follower) -> (Cursor, i64) {
    let lease = keeper.give_back_and_claim().await;
    (lease.cursor, lease.sequence)
}

fn at(number: i64) -> (Cursor, i64) {
    (Cursor { window: number, position: 10 * number }, number)
}

/// And are there for others.
pub async fn rows_and_checkpoint_are_written_together<H: Harness>(harness: H) {
    let mut keeper = board_keeper(&harness.backend()).await;
    let (one, two) = (BoardRow::numbered(1), BoardRow::numbered(2));
    applied(&keeper, 7, vec![put("acme", &one, 5), put("acme", &two, 7)]).await;
    let other = harness.second_process().await;
    assert_eq!(rows(&other, "acme").await, [(one, 5), (two, 7)]);
    assert_eq!(checkpoint(&mut keeper).await, at(7));
}

/// Whichever of its rows it is that fails, and wherever it stands.
pub async fn a_batch_that_fails_moves_no_checkpoint_and_writes_no_row<H: Harness>(harness: H) {
    let backend = harness.backend();
    let mut keeper = board_keeper(&backend).await;
    let kept = BoardRow { slot: Some(1), ..BoardRow::numbered(5) };
    let gone = BoardRow { slot: Some(2), ..BoardRow::numbered(8) };
    applied(&keeper, 3, vec![put("acme", &kept, 3), put("acme", &gone, 3)]).await;
    for (failing, place) in [(1, 0), (9, 0), (1, 2), (9, 4)] {
        let taken = BoardRow { slot: Some(1), ..BoardRow::numbered(failing) };
        let changed = BoardRow { title: "changed".into(), ..kept.clone() };
        let mut writes = vec![
            put("acme", &changed, 4),
            put("acme", &BoardRow::numbered(6), 4),
            put("globex", &BoardRow::numbered(7), 4),
            delete("acme", &gone, 4),
        ];
        writes.insert(place, put("acme", &taken, 4));
        let error = refused(apply(&keeper, 4, writes).await, ErrorKind::Duplicate);
        for name in ["`parcel_board`", "`slot`"] {
            assert!(error.message().contains(name), "{error} does not name {name}");
        }
        assert_eq!(rows(&backend, "acme").await, [(kept.clone(), 3), (gone.clone(), 3)]);
        assert_eq!(rows(&backend, "globex").await, []);
        assert_eq!(checkpoint(&mut keeper).await, at(3));
    }
}

/// A second keeper, to whom the lease of the first has passed.
async fn successor<H: Harness>(harness: &H, keeper: &Follower) -> Follower {
    let mut next = Follower::idle(&harness.second_process().await, &keeper.reader);
    next.join(LONG).await;
    // The first gives its lease back, but does not know that it did.
    let backend = &keeper.backend;
    let released = backend.release(&keeper.reader, keeper.worker, &keeper.leases).await;
    released.expect("the lease can be given back");
    assert_eq!(next.claim(1, LONG).await.len(), 1);
    next
}

/// Neither rows nor checkpoint.
pub async fn a_batch_under_an_old_epoch_writes_nothing<H: Harness>(harness: H) {
    let backend = harness.backend();
    let first = board_keeper(&backend).await;
    let row = BoardRow::numbered(1);
    applied(&first, 1, vec![put("acme", &row, 1)]).await;
    let mut second = successor(&harness, &first).await;
    applied(&second, 2, vec![]).await;
    let changed = BoardRow { title: "changed".into(), ..row.clone() };
    let writes = vec![put("acme", &changed, 9), put("acme", &BoardRow::numbered(2), 9)];
    assert_eq!(apply(&first, 9, writes).await.expect("no failure"), Applied::Fenced);
    let writes = vec![delete("acme", &row, 9)];
    assert_eq!(apply(&first, 9, writes).await.expect("no failure"), Applied::Fenced);
    assert_eq!(rows(&backend, "acme").await, [(row, 1)]);
    assert_eq!(checkpoint(&mut second).await, at(2));
}

/// The lease is nobody's, so nobody has it still.
pub async fn a_batch_after_a_release_writes_nothing<H: Harness>(harness: H) {
    let backend = harness.backend();
    let keeper = board_keeper(&backend).await;
    let released = backend.release(&keeper.reader, keeper.worker, &keeper.leases).await;
    released.expect("the lease can be given back");
    let writes = vec![put("acme", &BoardRow::numbered(1), 1)];
    assert_eq!(apply(&keeper, 1, writes).await.expect("no failure"), Applied::Fenced);
    assert_eq!(rows(&backend, "acme").await, []);
    let mut next = Follower::idle(&backend, &keeper.reader);
    next.join(LONG).await;
    assert_eq!(next.claim(1, LONG).await[0].sequence, 0);
}

/// For the time that the batch says.
pub async fn a_batch_renews_the_lease<H: Harness>(harness: H) {
    let mut keeper = Follower::idle(&harness.backend(), &whole("board"));
    let mut next = Follower::idle(&harness.second_process().await, &keeper.reader);
    keeper.join(LONG).await;
    next.join(LONG).await;
    keeper.claim(1, LONG).await;
    let lease_ttl = Duration::from_millis(400);
    let (reader, progress) = (keeper.reader.clone(), progress(&keeper, 1));
    let renewed = Instant::now();
    let batch = ProjectionBatch { reader, progress, lease_ttl, writes: vec![] };
    assert_eq!(keeper.backend.apply(batch).await.expect("applied"), Applied::Done);
    if harness.advance_lease_clock(lease_ttl) {
        assert_eq!(next.claim(1, LONG).await[0].sequence, 1);
        return;
    }
    let claimed =
        eventually("the lease to expire", async || next.claim(1, LONG).await.first().copied());
    assert_eq!(claimed.await.sequence, 1);
    assert!(renewed.elapsed() >= lease_ttl, "it expired after {:?}", renewed.elapsed());
}

/// Past events that change no row.
pub async fn a_checkpoint_can_move_without_rows<H: Harness>(harness: H) {
    let mut keeper = board_keeper(&harness.backend()).await;
    assert_eq!(checkpoint(&mut keeper).await, at(0));
    for number in [1, 50] {
        applied(&keeper, number, vec![]).await;
        assert_eq!(checkpoint(&mut keeper).await, at(number));
    }
}

/// All of it: what the new row leaves empty is empty.
pub async fn a_row_replaces_the_row_before<H: Harness>(harness: H) {
    let backend = harness.backend();
    let keeper = board_keeper(&backend).await;
    let full = BoardRow {
        slot: Some(4),
        remark: Some("full".into()),
        urgent: true,
        ..BoardRow::numbered(1)
    };
    let plain = BoardRow { title: "plain".into(), ..BoardRow::numbered(1) };
    for (row, number) in [&full, &plain, &full].into_iter().zip(1..) {
        applied(&keeper, number, vec![put("acme", row, number)]).await;
        assert_eq!(rows(&backend, "acme").await, [(row.clone(), number)]);
    }
}

/// A deletion of what is not there is none.
pub async fn a_row_can_be_deleted_and_come_back<H: Harness>(harness: H) {
    let backend = harness.backend();
    let keeper = board_keeper(&backend).await;
    let row = BoardRow { slot: Some(1), ..BoardRow::numbered(1) };
    let other = BoardRow::numbered(2);
    applied(&keeper, 1, vec![delete("acme", &row, 1)]).await;
    applied(&keeper, 2, vec![put("acme", &row, 2), put("acme", &other, 2)]).await;
    applied(&keeper, 3, vec![delete("acme", &row, 3)]).await;
    assert_eq!(rows(&backend, "acme").await, [(other.clone(), 2)]);
    applied(&keeper, 4, vec![put("acme", &row, 4)]).await;
    assert_eq!(rows(&backend, "acme").await, [(row, 4), (other, 2)]);
}

/// Of each row its own, also a large one.
pub async fn a_revision_is_stored_with_its_row<H: Harness>(harness: H) {
    let backend = harness.backend();
    let keeper = board_keeper(&backend).await;
    let revisions = [1, 42, (1 << 53) + 1, i64::MAX];
    let numbered = || (1..).zip(revisions);
    let writes = numbered().map(|(n, revision)| put("acme", &BoardRow::numbered(n), revision));
    applied(&keeper, 1, writes.collect()).await;
    let expected: Vec<_> =
        numbered().map(|(n, revision)| (BoardRow::numbered(n), revision)).collect();
    assert_eq!(rows(&backend, "acme").await, expected);
}

/// As those of aggregates do.
pub async fn every_value_of_a_row_comes_back<H: Harness>(harness: H) {
    let backend = harness.backend();
    let keeper = board_keeper(&backend).await;
    let row = |number, title: &str, slot, weight, micros| BoardRow {
        title: title.into(),
        slot,
        weight,
        urgent: slot.is_some(),
        due_at: Timestamp::from_unix_micros(micros),
        remark: slot.map(|_| title.to_uppercase()),
        ..BoardRow::numbered(number)
    };
    let expected = vec![
        row(1, "", None, f64::MIN, i64::MIN),
        row(2, "it's \"x\" \\ 😀", Some(i64::MIN), 5e-324, i64::MAX),
        row(3, "e\u{301}", Some(i64::MAX), 0.1 + 0.2, 1_700_000_000_000_001),
    ];
    let writes = expected.iter().map(|row| put("acme", row, 1)).collect();
    applied(&keeper, 1, writes).await;
    let found: Vec<_> = rows(&backend, "acme").await.into_iter().map(|(row, _)| row).collect();
    assert_eq!(found, expected);
}

/// And one unique key, in one batch.
pub async fn one_key_can_exist_in_two_tenants<H: Harness>(harness: H) {
    let backend = harness.backend();
    let keeper = board_keeper(&backend).await;
    let row =
        |title: &str| BoardRow { title: title.into(), slot: Some(1), ..BoardRow::numbered(1) };
    let writes = vec![put("acme", &row("ours"), 1), put("globex", &row("theirs"), 2)];
    applied(&keeper, 2, writes).await;
    assert_eq!(rows(&backend, "acme").await, [(row("ours"), 1)]);
    assert_eq!(rows(&backend, "globex").await, [(row("theirs"), 2)]);
    applied(&keeper, 3, vec![delete("globex", &row("theirs"), 3)]).await;
    assert_eq!(rows(&backend, "acme").await, [(row("ours"), 1)]);
    assert_eq!(rows(&backend, "globex").await, []);
}

/// New ones, changed ones and deleted ones.
pub async fn a_batch_can_hold_a_thousand_rows<H: Harness>(harness: H) {
    let backend = harness.backend();
    let keeper = board_keeper(&backend).await;
    let writes = (1..=1_000).map(|number| put("acme", &BoardRow::numbered(number), 1));
    applied(&keeper, 1, writes.collect()).await;
    assert_eq!(rows(&backend, "acme").await.len(), 1_000);
    let urgent = |number| BoardRow { urgent: true, ..BoardRow::numbered(number) };
    let writes = (1..=1_000).map(|number| match number % 2 {
        0 => delete("acme", &urgent(number), 2),
        _ => put("acme", &urgent(number), 2),
    });
    applied(&keeper, 2, writes.collect()).await;
    let expected: Vec<_> = (1..=1_000).step_by(2).map(|number| (urgent(number), 2)).collect();
    assert_eq!(rows(&backend, "acme").await, expected);
}

/// The row and the checkpoint say the same number, whichever it is.
pub async fn a_batch_dropped_at_any_await_point_is_applied_as_a_whole_or_not_at_all<H: Harness>(
    harness: H,
) {
    let backend = harness.backend();
    let mut keeper = board_keeper(&backend).await;
    let row = BoardRow::numbered(1);
    applied(&keeper, 1, vec![put("acme", &row, 1)]).await;
    let mut number = 1;
    for _ in 0..20 {
        for polls in 0.. {
            number += 1;
            let batch = apply(&keeper, number, vec![put("acme", &row, number)]);
            let outcome = abandon_after(batch, polls).await;
            // The next epoch fences what was dropped and is still on its way.
            let (_, sequence) = checkpoint(&mut keeper).await;
            assert_eq!(rows(&backend, "acme").await, [(row.clone(), sequence)]);
            if let Some(outcome) = outcome {
                assert_eq!(outcome.expect("the lease is held"), Applied::Done);
                assert_eq!(sequence, number);
                break;
            }
            assert!(polls < 1_000, "the batch never ends");
        }
    }
}

/// Of every tenant; the lease stays.
pub async fn a_reset_empties_the_table_and_starts_from_the_beginning<H: Harness>(harness: H) {
    let backend = harness.backend();
    let mut keeper = board_keeper(&backend).await;
    let row = BoardRow { slot: Some(1), ..BoardRow::numbered(1) };
    applied(&keeper, 5, vec![put("acme", &row, 4), put("globex", &row, 5)]).await;
    let epoch = keeper.leases[0].epoch;
    let outcome = backend.reset(&keeper.reader, epoch, BoardRow::SCHEMA).await;
    assert_eq!(outcome.expect("it can be reset"), Applied::Done);
    for name in ["acme", "globex"] {
        assert_eq!(rows(&backend, name).await, []);
    }
    applied(&keeper, 1, vec![put("acme", &row, 1)]).await;
    assert_eq!(rows(&backend, "acme").await, [(row, 1)]);
    let outcome = backend.reset(&keeper.reader, epoch, BoardRow::SCHEMA).await;
    assert_eq!(outcome.expect("it can be reset"), Applied::Done);
    assert_eq!(checkpoint(&mut keeper).await, at(0));
}

/// Neither rows nor checkpoint.
pub async fn a_reset_under_an_old_epoch_changes_nothing<H: Harness>(harness: H) {
    let backend = harness.backend();
    let first = board_keeper(&backend).await;
    let row = BoardRow::numbered(1);
    applied(&first, 5, vec![put("acme", &row, 5)]).await;
    let mut second = successor(&harness, &first).await;
    let epoch = first.leases[0].epoch;
    let outcome = backend.reset(&first.reader, epoch, BoardRow::SCHEMA).await;
    assert_eq!(outcome.expect("no failure"), Applied::Fenced);
    assert_eq!(rows(&backend, "acme").await, [(row, 5)]);
    assert_eq!(checkpoint(&mut second).await, at(5));
}
