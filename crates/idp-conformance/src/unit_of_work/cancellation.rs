//! A future of the store that is dropped leaves nothing behind, at whichever await point.

use crate::Harness;
use crate::abandon::abandon_after;
use crate::clauses::clauses;
use crate::fixture::{
    ann, application, count_of, count_on, counter_id, given_counter, patient_application, stored,
};
use crate::follower::whole_log;
use crate::sample::Counter;
use idp_application::{Application, ErrorKind, Listing, RowQuery, Scope};
use idp_domain::{Record, Specification};

clauses! {
    macro unit_of_work_cancellation of unit_of_work::cancellation;
    a_commit_dropped_at_any_await_point_happens_as_a_whole_or_not_at_all,
    a_fetch_dropped_at_any_await_point_leaves_the_store_usable,
    a_count_dropped_at_any_await_point_leaves_the_store_usable,
}

/// How often each await point is tried: more often than any pool has connections, so that one that
/// is not given back shows.
const ROUNDS: u32 = 20;

/// A future of a store that is polled so often and does not end never will.
const POLLS_MAX: u32 = 1_000;

/// Two counters count together: apart they are never seen, and each count has its event.
pub async fn a_commit_dropped_at_any_await_point_happens_as_a_whole_or_not_at_all<H: Harness>(
    harness: H,
) {
    let app = patient_application(&harness.backend());
    let (one, two) = (counter_id(1), counter_id(2));
    given_counter(&app, &ann(), 1).await;
    given_counter(&app, &ann(), 2).await;
    let (mut completed, mut abandoned) = (0, 0);
    for _ in 0..ROUNDS {
        for polls in 0..POLLS_MAX {
            let unit = app.begin(ann());
            unit.get::<Counter>(one).await.expect("there").count_on();
            unit.get::<Counter>(two).await.expect("there").count_on();
            let outcome = abandon_after(unit.commit(), polls).await;
            common_count(&app).await;
            match outcome {
                None => abandoned += 1,
                Some(Ok(_)) => {
                    completed += 1;
                    break;
                }
                // One that was dropped before came through after this one had read.
                Some(Err(error)) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
            }
        }
    }
    // Whatever was dropped and is still on its way is too late after this.
    count_on(&app, &ann(), one).await;
    count_on(&app, &ann(), two).await;
    let count = common_count(&app).await;
    assert_eq!(completed, i64::from(ROUNDS), "every round ends with a commit that completes");
    let possible = completed + 1..=completed + 1 + abandoned;
    assert!(possible.contains(&count), "{count} is not within {possible:?}");
    let log = whole_log(&harness.backend()).await;
    let events = i64::try_from(log.len()).expect("few events");
    assert_eq!(events, 2 * count, "each count has its event");
    assert_eq!(count_of(&app, &ann(), one).await, (count, count + 1));
}

/// What both counters show, read in one query.
async fn common_count(app: &Application) -> i64 {
    let unit = app.begin_read_only(ann());
    let all = Listing::of(Specification::all());
    let counters = unit.list::<Counter>(all).await.expect("the store can be read");
    assert_eq!(counters.len(), 2);
    assert_eq!(counters[0].count, counters[1].count, "half of a commit was written");
    counters[0].count
}

/// The next one finds what is there.
pub async fn a_fetch_dropped_at_any_await_point_leaves_the_store_usable<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    for round in 0..ROUNDS {
        for polls in 0..POLLS_MAX {
            let unit = app.begin(ann());
            let found = abandon_after(unit.find::<Counter>(id), polls).await;
            let (counter, version) =
                stored::<Counter>(&app, &ann(), id).await.expect("it is there still");
            assert_eq!((counter.count, version), (i64::from(round), i64::from(round) + 1));
            if let Some(found) = found {
                assert_eq!(found.expect("read").expect("there").count, i64::from(round));
                break;
            }
            assert!(polls + 1 < POLLS_MAX, "the fetch never ends");
        }
        count_on(&app, &ann(), id).await;
    }
}

/// The next one counts right.
pub async fn a_count_dropped_at_any_await_point_leaves_the_store_usable<H: Harness>(harness: H) {
    let (backend, app) = (harness.backend(), application(&harness.backend()));
    given_counter(&app, &ann(), 1).await;
    let query = RowQuery::all(Counter::SCHEMA, Scope::Tenant(ann().tenant().clone()));
    for _ in 0..ROUNDS {
        for polls in 0..POLLS_MAX {
            let counted = abandon_after(backend.count(query.clone()), polls).await;
            assert_eq!(backend.count(query.clone()).await.expect("read"), 1);
            if let Some(counted) = counted {
                assert_eq!(counted.expect("read"), 1);
                break;
            }
            assert!(polls + 1 < POLLS_MAX, "the count never ends");
        }
    }
}
