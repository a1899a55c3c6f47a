//! Histories are recorded as they happen, also by several processes into one file.

use idp_application::{
    CloudEvent, EventBus, Lane, Message, Migrate, OutboxLog, Reader, SequentialIds, Sharding,
    Stream, Track, WorkerId,
};
use idp_domain::Uuid;
use idp_memory::MemoryStore;
use idp_testkit::{
    Entry, Fate, Fault, History, Outcome, Reception, Recorder, RuntimeClock, Sink, TALLY_TABLES,
    TallyBoard, Tallying, Unreliable, check, check_fold,
};
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;
use std::time::Duration;

async fn service(recorder: &Recorder) -> (Arc<MemoryStore>, Tallying) {
    let store = Arc::new(MemoryStore::default());
    store.migrate(TALLY_TABLES).await.expect("the tables can be made");
    let clock = Arc::new(RuntimeClock::start());
    let ids = Arc::new(SequentialIds::default());
    let tallying = Tallying::on(store.clone(), recorder.clone(), clock, ids);
    (store, tallying)
}

fn worker(number: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(number))
}

/// The messages that a relay would make of everything in the log.
async fn messages(store: &MemoryStore) -> Vec<Message> {
    let reader = Reader { name: "test".into(), sharding: Sharding::Whole };
    store.join(&reader, worker(9), Duration::from_secs(1)).await.expect("the store answers");
    let claim = idp_application::Claim {
        worker: worker(9),
        lanes_max: 1,
        lease_ttl: Duration::from_secs(1),
    };
    let leases = store.claim(&reader, claim).await.expect("the store answers");
    let batches = store.read(&leases, 100).await.expect("the store answers");
    let events = batches.into_iter().flat_map(|batch| batch.events);
    let lane = Lane::from_number(0);
    let stream = Arc::new(Stream { target: "test".into(), lane, track: Track::Main });
    let number = |(sequence, event): (i64, idp_application::LoggedEvent)| Message {
        topic: "test".into(),
        event: CloudEvent::of(event.envelope, "/test".into()),
        stream: stream.clone(),
        sequence,
        epoch: 1,
    };
    (1..).zip(events).map(number).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_committed_and_what_arrives_is_recorded() {
    let recorder = Recorder::new(10);
    let (store, tallying) = service(&recorder).await;
    let tally = tallying.tally("acme", 2).await;
    tallying.count_too_late("acme", tally).await;
    let sink = Sink::new(worker(1), recorder.clone());
    sink.publish(&messages(&store).await).await.expect("the sink takes everything");
    let history = recorder.history();
    assert_eq!(check(&history), []);
    assert_eq!(history.deliveries.len(), 3);
    let outcomes: Vec<_> = history.intents.iter().map(|intent| intent.outcome).collect();
    use Outcome::{Committed, RolledBack, Unknown};
    assert_eq!(outcomes, [Unknown, Committed, Unknown, Committed, Unknown, RolledBack]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_is_lost_stays_unknown() {
    let recorder = Recorder::new(10);
    let (store, _) = service(&recorder).await;
    let lossy = Unreliable::new(store.clone(), |method| match method {
        "commit" => Fate::AnswerLost,
        _ => Fate::Pass,
    });
    let clock = Arc::new(RuntimeClock::start());
    let ids = Arc::new(SequentialIds::default());
    let tallying = Tallying::on(Arc::new(lossy), recorder.clone(), clock, ids);
    let committing = tokio::spawn(async move { tallying.tally("acme", 2).await });
    committing.await.expect_err("the answer is lost");
    assert!(recorder.history().intents.iter().all(|intent| intent.outcome == Outcome::Unknown));
    assert_eq!(check(&recorder.history()), []);
    let sink = Sink::new(worker(1), recorder.clone());
    sink.publish(&messages(&store).await).await.expect("the sink takes everything");
    assert_eq!(check(&recorder.history()), [], "it was committed after all");
}

#[tokio::test(start_paused = true)]
async fn several_recorders_append_to_one_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("history.jsonl");
    let recorder = || Recorder::new(10).appending_to(&path).expect("the file can be made");
    let writer = recorder();
    let (store, tallying) = service(&writer).await;
    tallying.tally("acme", 4).await;
    let messages = messages(&store).await;
    for (number, message) in (1..).zip(&messages) {
        let sink = Sink::new(worker(1), recorder());
        sink.publish(std::slice::from_ref(message)).await.expect("the sink takes everything");
        recorder().leases_lost(worker(number));
    }
    let mut history = History::new(10);
    let file = BufReader::new(File::open(&path).expect("it is there"));
    history.read(file).expect("it can be read");
    assert_eq!(check(&history), []);
    assert_eq!((history.deliveries.len(), history.faults.len()), (4, 4));
    assert_eq!(history.intents, writer.history().intents);
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_does_not_own_up_to_is_recorded_as_ambiguous() {
    let recorder = Recorder::new(10);
    let (store, tallying) = service(&recorder).await;
    tallying.tally("acme", 4).await;
    let messages = messages(&store).await;
    let receive = async |reception| {
        let sink = Sink::new(worker(1), recorder.clone()).with_plan(move |_| reception);
        let published = sink.publish(&messages);
        tokio::time::timeout(Duration::from_secs(9), published).await
    };
    let failed = receive(Reception::Fail { accepted: 1, arriving: 3 }).await.expect("an answer");
    assert_eq!(failed.expect_err("it fails").accepted, 1);
    receive(Reception::Silence { arriving: 2 }).await.expect_err("no answer");
    receive(Reception::Late(Duration::from_secs(30))).await.expect_err("no answer");
    assert_eq!(recorder.history().deliveries.len(), 3 + 2);
    recorder.wait_for_deliveries(3 + 2 + 4).await;
    let ambiguous = recorder.history().faults.into_iter().map(|happened| match happened.fault {
        Fault::AmbiguousSend { messages, .. } => messages,
        Fault::LeasesLost { .. } => 0,
    });
    assert_eq!(ambiguous.collect::<Vec<_>>(), [2, 2, 4]);
    assert_eq!(check(&recorder.history()), []);
}

#[tokio::test(start_paused = true)]
async fn a_read_model_without_the_rows_of_its_events_is_told_row_by_row() {
    let recorder = Recorder::new(10);
    let (store, tallying) = service(&recorder).await;
    tallying.tally("acme", 2).await;
    tallying.tally("globex", 1).await;
    let (log, rows) = (store.as_ref(), store.as_ref());
    let at = async |checkpoint| {
        check_fold(&TallyBoard, log, rows, checkpoint).await.expect("the store answers")
    };
    assert_eq!(at(0).await, []);
    let wrong = at(3).await;
    assert_eq!(wrong.len(), 2);
    assert!(wrong.iter().all(|row| row.found.is_none() && row.expected.is_some()));
    assert!(wrong[0].to_string().starts_with("at checkpoint 3, row Uuid("), "{}", wrong[0]);
}

#[test]
fn an_entry_is_one_line_that_says_what_it_is() {
    let fault = Entry::Fault(Fault::LeasesLost { worker: Uuid::nil() });
    let line = serde_json::to_string(&fault).expect("an entry serializes to JSON");
    let expected = r#"{"fault":{"leases_lost":{"worker":"00000000-0000-0000-0000-000000000000"}}}"#;
    assert_eq!(line, expected);
}
