//! An application that tallies, whose commits are recorded.

use crate::{Recorder, Tally, TallyId, Witnessed};
use idp_application::{Actor, Application, Clock, Context, Error, IdSource, Store};
use idp_domain::{TenantId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// What a test lets happen: each method is one commit, and expects it to succeed unless it says
/// otherwise.
///
/// # Panics
/// When a tenant's name has not the shape of one, and when a commit does not end as expected.
#[derive(Clone)]
pub struct Tallying {
    app: Application,
    clock: Arc<dyn Clock>,
}

impl Tallying {
    /// Commits to that store. Its tables are those of [`TALLY_TABLES`](crate::TALLY_TABLES).
    pub fn on(
        store: Arc<dyn Store>,
        recorder: Recorder,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        let witnessed = Witnessed::new(store, recorder);
        let app = Application::builder(Arc::new(witnessed)).clock(clock.clone()).ids(ids).build();
        Self { app, clock }
    }

    /// The application; its signal is rung at each commit.
    pub fn app(&self) -> &Application {
        &self.app
    }

    /// Adds a tally that has counted that often, with an event each.
    pub async fn tally(&self, tenant: &str, times: u32) -> TallyId {
        let added = self.app.run(context(tenant), async |uow| {
            let id = uow.new_id::<TallyId>();
            let mut tally = Tally::new(id);
            tally.count(times);
            uow.add(tally)?;
            Ok::<_, Error>(id)
        });
        added.await.expect("a new tally can be added")
    }

    /// Changes a tally.
    pub async fn change(&self, tenant: &str, id: TallyId, change: impl Fn(&mut Tally)) {
        let changed = self.app.run(context(tenant), async |uow| {
            change(&mut *uow.get::<Tally>(id).await?);
            Ok::<_, Error>(())
        });
        changed.await.expect("a tally can be changed");
    }

    /// Lets a tally count on, with an event each time.
    pub async fn count(&self, tenant: &str, id: TallyId, times: u32) {
        self.change(tenant, id, |tally| tally.count(times)).await;
    }

    /// Lets a tally remind of something after that time.
    pub async fn remind(&self, tenant: &str, id: TallyId, after: Duration) {
        let micros = i64::try_from(after.as_micros()).expect("less than 292,000 years");
        let at = self.clock.now().unix_micros() + micros;
        let at = Timestamp::from_unix_micros(at);
        self.change(tenant, id, |tally| tally.remind("wake up", at)).await;
    }

    /// Counts on, and tries to commit the same on top of the version before, which is rolled back.
    pub async fn count_too_late(&self, tenant: &str, id: TallyId) {
        let late = self.app.begin(context(tenant));
        late.get::<Tally>(id).await.expect("the tally is there").count(1);
        self.count(tenant, id, 1).await;
        late.commit().await.expect_err("another commit came before");
    }
}

fn context(tenant: &str) -> Context {
    Context::new(TenantId::new(tenant).expect("the name of a tenant"), Actor::new("tester"))
}
