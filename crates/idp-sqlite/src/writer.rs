//! The one thread that writes, and its group commit.
//!
//! SQLite has one writer at a time, and the dearest part of a commit is the wait for the disk. So
//! units that wait at the same moment go into one transaction, each under a savepoint of its own: one
//! that fails is undone alone, and the others share one wait.
//!
//! | what happens | outcome |
//! |---|---|
//! | a unit fails | it is undone and gets its error; the others of the group commit |
//! | the transaction cannot begin (another process writes for too long) | nothing happened; every unit gets a time-out |
//! | the commit fails | nothing happened; every unit gets the error. After a failure of the disk the outcome counts as unknown |
//! | a caller goes away before its unit begins | the unit is passed over |
//! | a caller goes away later | the unit is written, or fails, as a whole |
//! | the process dies | SQLite undoes the transaction when the file is next opened |
//!
//! No answer leaves before the commit: a conflict may be with a unit of the same group.

use crate::connection::Link;
use crate::error::{leaves_commit_in_doubt, translate};
use idp_application::{Error, ErrorKind};
use rusqlite::Connection;
use std::sync::PoisonError;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// Hands units of work to the thread. Dropping it waits until the thread has done what it was given.
pub(crate) struct Writer {
    queue: Option<Sender<Box<dyn Unit>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `group_max` is the most units in one transaction.
    pub(crate) fn start(link: Link, group_max: usize) -> Result<Self, Error> {
        let (queue, units) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("idp-sqlite-writer".into())
            .spawn(move || serve(&link, &units, group_max))
            .map_err(|e| {
                let message = "the thread that writes cannot be started";
                Error::new(ErrorKind::Unavailable, "open", message).with_source(e)
            })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Does the work in a transaction, all of it or nothing. The queue needs no bound: each unit in
    /// it belongs to a caller who waits.
    pub(crate) async fn run<T, W>(&self, operation: &'static str, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Job { operation, work: Some(work), result: None, answer };
        let queue = self.queue.as_ref().expect("only dropping takes the queue away");
        if queue.send(Box::new(job)).is_err() {
            return Err(stopped(operation));
        }
        answered.await.unwrap_or_else(|_| Err(stopped(operation).with_outcome_unknown()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        let Some(thread) = self.thread.take() else { return };
        // A thread that waits for itself would wait forever.
        if thread.thread().id() != thread::current().id() {
            let _ = thread.join();
        }
    }
}

/// One unit of work in the queue, whatever its result.
trait Unit: Send {
    /// Whether somebody still waits for the answer.
    fn is_wanted(&self) -> bool;
    /// Does the work; false when it must be undone.
    fn execute(&mut self, connection: &Connection) -> bool;
    /// Answers the caller; `fault` is why the group as a whole did not commit.
    fn answer(self: Box<Self>, fault: Option<&Error>);
}

struct Job<T, W> {
    operation: &'static str,
    work: Option<W>,
    result: Option<Result<T, Error>>,
    answer: oneshot::Sender<Result<T, Error>>,
}

impl<T, W> Unit for Job<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, Error> + Send,
{
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn execute(&mut self, connection: &Connection) -> bool {
        self.result = self.work.take().map(|work| work(connection));
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, fault: Option<&Error>) {
        let result = match (self.result, fault) {
            (Some(Err(own)), _) => Err(own),
            (_, Some(fault)) => Err(shared(fault, self.operation)),
            (Some(done), None) => done,
            (None, None) => Err(stopped(self.operation)),
        };
        // Nobody is there to hear it when the caller was dropped meanwhile.
        let _ = self.answer.send(result);
    }
}

fn serve(link: &Link, queue: &Receiver<Box<dyn Unit>>, group_max: usize) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        group.extend(queue.try_iter().take(group_max - 1));
        group.retain(|unit| unit.is_wanted());
        if group.is_empty() {
            continue;
        }
        let written = {
            let connection = link.lock().unwrap_or_else(PoisonError::into_inner);
            write_group(&connection, &mut group)
        };
        for unit in group {
            unit.answer(written.as_ref().err());
        }
    }
}

/// Writes all units in one transaction; on an error, none.
fn write_group(connection: &Connection, group: &mut [Box<dyn Unit>]) -> Result<(), Error> {
    let written = try_write_group(connection, group);
    if written.is_err() {
        roll_back(connection)?;
    }
    written
}

fn try_write_group(connection: &Connection, group: &mut [Box<dyn Unit>]) -> Result<(), Error> {
    let failed = |e| translate("commit", e);
    run(connection, "BEGIN IMMEDIATE").map_err(failed)?;
    if let [alone] = group {
        if !alone.execute(connection) {
            return roll_back(connection);
        }
    } else {
        group.iter_mut().try_for_each(|unit| write_apart(connection, &mut **unit))?;
    }
    run(connection, "COMMIT").map_err(|e| {
        if leaves_commit_in_doubt(&e) { failed(e).with_outcome_unknown() } else { failed(e) }
    })
}

/// Does the work of one unit such that it can be undone without the others.
fn write_apart(connection: &Connection, unit: &mut dyn Unit) -> Result<(), Error> {
    let failed = |e| translate("commit", e);
    run(connection, "SAVEPOINT unit").map_err(failed)?;
    let done = unit.execute(connection);
    if connection.is_autocommit() {
        let message = "the database undid the transaction";
        return Err(Error::new(ErrorKind::Unavailable, "commit", message));
    }
    if !done {
        run(connection, "ROLLBACK TO unit").map_err(failed)?;
    }
    run(connection, "RELEASE unit").map_err(failed)
}

/// Ends the transaction, unless SQLite has done so itself, as it does when a disk is full.
fn roll_back(connection: &Connection) -> Result<(), Error> {
    if connection.is_autocommit() {
        return Ok(());
    }
    run(connection, "ROLLBACK").map_err(|e| translate("roll back", e))
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// The same error for one unit of the group.
fn shared(fault: &Error, operation: &'static str) -> Error {
    let cause = std::error::Error::source(fault).map_or(String::new(), ToString::to_string);
    let error = Error::new(fault.kind(), operation, fault.message()).with_source(cause);
    if fault.is_outcome_unknown() { error.with_outcome_unknown() } else { error }
}

fn stopped(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation, "the thread that writes has stopped")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Waker};

    type Answer = oneshot::Receiver<Result<i64, Error>>;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().expect("memory opens");
        connection
            .execute_batch("CREATE TABLE number (n INTEGER NOT NULL) STRICT")
            .expect("a table can be made");
        connection
    }

    /// A unit that writes the number twice, and fails in between when told so.
    fn unit(number: i64, fails: bool) -> (Box<dyn Unit>, Answer) {
        let (answer, answered) = oneshot::channel();
        let work = move |connection: &Connection| {
            insert(connection, number);
            if fails {
                return Err(Error::new(ErrorKind::Conflict, "test", "as told"));
            }
            insert(connection, number);
            Ok(number)
        };
        let job = Job { operation: "test", work: Some(work), result: None, answer };
        (Box::new(job), answered)
    }

    fn insert(connection: &Connection, number: i64) {
        connection.execute("INSERT INTO number VALUES (?1)", [number]).expect("it can be written");
    }

    fn written(connection: &Connection) -> Vec<i64> {
        let mut statement = connection.prepare("SELECT n FROM number").expect("valid SQL");
        let rows = statement.query_map([], |row| row.get(0)).expect("it can be read");
        rows.collect::<Result<_, _>>().expect("numbers")
    }

    #[test]
    fn a_unit_that_fails_among_twenty_is_undone_alone() {
        let connection = connection();
        let (mut group, answers): (Vec<_>, Vec<_>) = (0..20).map(|n| unit(n, n == 7)).unzip();
        write_group(&connection, &mut group).expect("the group commits");
        for unit in group {
            unit.answer(None);
        }
        let expected: Vec<i64> = (0..20).filter(|n| *n != 7).flat_map(|n| [n, n]).collect();
        assert_eq!(written(&connection), expected);
        for (number, mut answer) in (0..).zip(answers) {
            let result = answer.try_recv().expect("every unit is answered");
            assert_eq!(result.is_ok(), number != 7, "{number}: {result:?}");
        }
        assert!(connection.is_autocommit());
    }

    #[test]
    fn a_unit_that_fails_alone_leaves_no_transaction_open() {
        let connection = connection();
        let (failing, mut answer) = unit(1, true);
        let mut group = vec![failing];
        write_group(&connection, &mut group).expect("nothing but the unit fails");
        group.pop().expect("it is there").answer(None);
        let error = answer.try_recv().expect("it is answered").expect_err("it failed");
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(written(&connection).is_empty());
        assert!(connection.is_autocommit());
    }

    #[test]
    fn a_commit_that_fails_undoes_every_unit_of_the_group() {
        let connection = connection();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = ON;
                 CREATE TABLE part (whole INTEGER REFERENCES number (n) DEFERRABLE INITIALLY \
                 DEFERRED);
                 CREATE UNIQUE INDEX u ON number (n)",
            )
            .expect("tables can be made");
        let (answer, mut answered) = oneshot::channel();
        // SQLite checks a deferred foreign key at the commit.
        let work = |connection: &Connection| {
            connection.execute("INSERT INTO part VALUES (4)", []).map_err(|e| translate("test", e))
        };
        let job = Job { operation: "test", work: Some(work), result: None, answer };
        let mut group: Vec<Box<dyn Unit>> = vec![Box::new(job)];
        let fault = write_group(&connection, &mut group).expect_err("the commit fails");
        group.pop().expect("it is there").answer(Some(&fault));
        let error = answered.try_recv().expect("it is answered").expect_err("it failed");
        assert_eq!((error.kind(), error.is_outcome_unknown()), (ErrorKind::Invalid, false));
        assert!(connection.is_autocommit());
        let parts: i64 = connection
            .query_row("SELECT count(*) FROM part", [], |row| row.get(0))
            .expect("it can be read");
        assert_eq!(parts, 0);
    }

    #[test]
    fn a_transaction_that_the_database_undid_is_reported_to_every_unit() {
        let connection = connection();
        let (first, mut first_answer) = unit(1, false);
        let (answer, mut second_answer) = oneshot::channel();
        let work = |connection: &Connection| {
            connection.execute_batch("ROLLBACK").expect("a transaction is open");
            Err::<(), _>(Error::new(ErrorKind::Unavailable, "test", "the disk is full"))
        };
        let second = Job { operation: "test", work: Some(work), result: None, answer };
        let mut group: Vec<Box<dyn Unit>> = vec![first, Box::new(second)];
        let fault = write_group(&connection, &mut group).expect_err("nothing was committed");
        for unit in group {
            unit.answer(Some(&fault));
        }
        let first = first_answer.try_recv().expect("it is answered").expect_err("it was undone");
        assert_eq!(first.kind(), ErrorKind::Unavailable);
        let second = second_answer.try_recv().expect("it is answered").expect_err("it failed");
        assert_eq!(second.message(), "the disk is full");
        assert!(written(&connection).is_empty());
    }

    #[tokio::test]
    async fn a_unit_whose_caller_went_away_before_it_began_is_passed_over() {
        let link: Link = Arc::new(Mutex::new(connection()));
        let writer = Writer::start(Arc::clone(&link), 8).expect("it starts");
        let (go, wait) = mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let first = writer.run("test", move |connection| {
            begun.send(()).expect("the test waits for it");
            wait.recv().expect("the test lets it go on");
            insert(connection, 1);
            Ok(())
        });
        let mut first = Box::pin(first);
        assert!(poll_once(&mut first).is_pending());
        begins.await.expect("it begins");
        let mut second = Box::pin(writer.run("test", |connection| {
            insert(connection, 2);
            Ok(())
        }));
        assert!(poll_once(&mut second).is_pending());
        drop(second);
        go.send(()).expect("the first unit waits for it");
        first.await.expect("it is written");
        drop(writer);
        assert_eq!(written(&link.lock().expect("no thread panicked")), [1]);
    }

    #[tokio::test]
    async fn a_unit_whose_caller_went_away_later_is_written_as_a_whole() {
        let link: Link = Arc::new(Mutex::new(connection()));
        let writer = Writer::start(Arc::clone(&link), 8).expect("it starts");
        let (go, wait) = mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let mut unit = Box::pin(writer.run("test", move |connection| {
            insert(connection, 1);
            begun.send(()).expect("the test waits for it");
            wait.recv().expect("the test lets it go on");
            insert(connection, 1);
            Ok(())
        }));
        assert!(poll_once(&mut unit).is_pending());
        begins.await.expect("it begins");
        drop(unit);
        go.send(()).expect("the unit waits for it");
        drop(writer); // waits for the thread
        assert_eq!(written(&link.lock().expect("no thread panicked")), [1, 1]);
    }

    fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
    }
}
