//! A writer: commits at a steady pace, whatever happens to the database, and records what it meant
//! and what became of it.

use crate::failure::Outcome;
use crate::place::{Place, TALLIES, Target, tally, tenant};
use crate::process::asked_to_end;
use idp_application::{Actor, Application, Context, Error, RetryPolicy, Store, Uow};
use idp_testkit::{Dice, Tally, Witnessed};
use std::sync::Arc;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(200);
const ROLLED_BACK_PERCENT: u64 = 20;

/// The life of the process.
pub(crate) async fn run() -> Outcome {
    let place = Place::told()?;
    let app = application(&place, "").await?;
    let dice = Dice::seeded(place.seed);
    let end = asked_to_end();
    tokio::pin!(end);
    loop {
        // What is begun is brought to its end: only a killed writer leaves it open what became of it.
        write(&app, &dice).await;
        tokio::select! {
            ended = &mut end => return ended,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// An application on the schema of the run, whose commits are recorded.
pub(crate) async fn application(place: &Place, settings: &str) -> Outcome<Application> {
    let store: Arc<dyn Store> = Arc::new(place.store(settings).await?);
    let store = Arc::new(Witnessed::new(store, place.recorder(Target::Plain)?));
    let retry = RetryPolicy { attempts_max: 20, ..RetryPolicy::default() };
    Ok(Application::builder(store).retry(retry).build())
}

pub(crate) fn context(number: u64) -> Context {
    Context::new(tenant(number), Actor::new("writer"))
}

/// Lets a tally count on.
pub(crate) async fn count(app: &Application, number: u64, times: u32) -> Result<(), Error> {
    let change = move |uow: Uow| async move {
        uow.get::<Tally>(tally(number)).await?.count(times);
        Ok(())
    };
    app.run(context(number), change).await
}

/// A failure is what the faults are for: it is recorded, and the next unit of work is tried.
async fn write(app: &Application, dice: &Dice) {
    let number = dice.within(0..TALLIES);
    let times = u32::try_from(dice.within(1..4)).unwrap_or(1);
    if dice.percent(ROLLED_BACK_PERCENT) {
        let _ = count_too_late(app, number, times).await;
    } else {
        let _ = count(app, number, times).await;
    }
}

/// Commits on top of a version that is no longer the last one: the database rolls it back.
async fn count_too_late(app: &Application, number: u64, times: u32) -> Result<(), Error> {
    let late = app.begin(context(number));
    late.get::<Tally>(tally(number)).await?.count(times);
    count(app, number, times).await?;
    late.commit().await.map(drop)
}
