//! Holds, readers that are forgotten, and the record of both.

use super::KeepingHarness;
use super::purging::{ROUND, command, count, pass, purge, purge_some};
use crate::clauses::clauses;
use crate::fixture::refused;
use crate::follower::{Follower, LONG, progress_of, whole};
use idp_application::{ErrorKind, HoldFrom, KeepingAction, KeepingCommand, PurgeBlock};

clauses! {
    macro log_keeping_keeping of log_keeping::keeping;
    a_command_leaves_a_record,
    a_name_is_held_once_and_released_once,
    a_hold_of_the_newest_lets_go_what_is_there,
    a_reader_with_living_workers_is_not_forgotten_unless_forced,
    a_forgotten_reader_holds_nothing_and_is_fenced,
}

fn hold(name: &str, from: HoldFrom) -> KeepingCommand {
    command(KeepingAction::Hold { name: name.into(), from })
}

fn release(name: &str) -> KeepingCommand {
    command(KeepingAction::Release { name: name.into() })
}

fn forget(name: &str, is_forced: bool) -> KeepingCommand {
    command(KeepingAction::Forget { reader: name.into(), is_forced })
}

/// And one that is refused leaves none.
pub async fn a_command_leaves_a_record<H: KeepingHarness>(harness: H) {
    let keeping = harness.keeping();
    Follower::start(&harness.backend(), &whole("gone")).await.release().await;
    let commands = [hold("audit", HoldFrom::Oldest), release("audit"), forget("gone", false)];
    for command in &commands {
        keeping.keep(command).await.expect("it can be done");
        keeping.keep(&release("nobody")).await.expect_err("there is no such hold");
    }
    let records = keeping.keeping_records(10).await.expect("the records can be read");
    let told: Vec<_> = records.iter().map(|r| (r.action.as_str(), r.subject.as_str())).collect();
    assert_eq!(told, [("forget", "gone"), ("release", "audit"), ("hold", "audit")]);
    assert!(records.iter().all(|record| record.actor == "ann" && record.reason == "because"));
    assert_eq!(keeping.keeping_records(1).await.expect("read"), records[..1]);
}

/// By whomever.
pub async fn a_name_is_held_once_and_released_once<H: KeepingHarness>(harness: H) {
    let keeping = harness.keeping();
    for name in ["b", "a"] {
        keeping.keep(&hold(name, HoldFrom::Newest)).await.expect("the name is free");
        refused(keeping.keep(&hold(name, HoldFrom::Oldest)).await, ErrorKind::Duplicate);
    }
    let holds = keeping.holds().await.expect("the holds can be read");
    let names: Vec<_> = holds.iter().map(|hold| hold.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    keeping.keep(&release("a")).await.expect("it is there");
    refused(keeping.keep(&release("a")).await, ErrorKind::NotFound);
    assert_eq!(keeping.holds().await.expect("read"), holds[1..]);
}

/// Once it was read.
pub async fn a_hold_of_the_newest_lets_go_what_is_there<H: KeepingHarness>(harness: H) {
    let (backend, keeping) = (harness.backend(), harness.keeping());
    let mut reader = Follower::start(&backend, &whole("projector")).await;
    count(&backend).await;
    pass(&mut reader, ROUND).await;
    keeping.keep(&hold("later", HoldFrom::Newest)).await.expect("the name is free");
    purge_some(&keeping).await;
    count(&backend).await;
    pass(&mut reader, ROUND).await;
    let dropped = purge(&keeping).await.events_dropped;
    assert!(dropped < 20, "what came after the hold is kept, {dropped} were dropped");
}

/// It would lose what it has not read.
pub async fn a_reader_with_living_workers_is_not_forgotten_unless_forced<H: KeepingHarness>(
    harness: H,
) {
    let keeping = harness.keeping();
    refused(keeping.keep(&forget("relay", true)).await, ErrorKind::NotFound);
    let mut reader = Follower::start(&harness.backend(), &whole("relay")).await;
    refused(keeping.keep(&forget("relay", false)).await, ErrorKind::Conflict);
    assert_eq!(reader.advance(LONG).await.len(), 1, "nothing was changed");
    reader.release().await;
    keeping.keep(&forget("relay", false)).await.expect("nobody is alive");
    Follower::start(&harness.backend(), &whole("relay")).await;
    keeping.keep(&forget("relay", true)).await.expect("it is forced");
    assert_eq!(keeping.readers().await.expect("read"), []);
}

/// Also when another of its name comes.
pub async fn a_forgotten_reader_holds_nothing_and_is_fenced<H: KeepingHarness>(harness: H) {
    let (backend, keeping) = (harness.backend(), harness.keeping());
    let mut first = Follower::start(&backend, &whole("first")).await;
    let zombie = Follower::start(&backend, &whole("zombie")).await;
    count(&backend).await;
    pass(&mut first, ROUND).await;
    let report = purge(&keeping).await;
    assert!(matches!(report.blocked_by, Some(PurgeBlock::Reader(r)) if r.reader == "zombie"));
    keeping.keep(&forget("zombie", true)).await.expect("it is there");
    purge_some(&keeping).await;
    let progress = progress_of(&zombie.leases[0]);
    let advance = async || backend.advance(&zombie.reader, &[progress], LONG).await;
    assert_eq!(advance().await.expect("told"), [], "it is fenced");
    let again = Follower::start(&backend, &whole("zombie")).await;
    assert!(again.leases[0].epoch > zombie.leases[0].epoch, "no epoch comes twice");
    assert_eq!(advance().await.expect("told"), [], "it is fenced still");
    assert!(again.leases[0].sequence > 0, "it begins where the log begins");
}
