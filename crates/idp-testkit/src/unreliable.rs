//! Ports whose calls fail as they are told.

use idp_application::{
    BoxFuture, DeadLetters, Deliveries, Error, ErrorKind, LogKeeping, LogLag, Migrate, OutboxLog,
    ProjectionStore, Store, TenantPolicies, TenantTracks, delegate_port,
};
use std::sync::Arc;
use std::time::Duration;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done and answered.
    Pass,
    /// It is not done, and fails.
    Refused,
    /// It is done, and the answer is lost: it fails.
    AnswerLost,
    /// It is not done, and never answered.
    Silence,
    /// It is done, and never answered.
    DoneInSilence,
}

type Plan = dyn Fn(&'static str) -> Fate + Send + Sync;

/// A store whose calls meet a fate that a plan decides, call by call, by the name of the method.
pub struct Unreliable<T: ?Sized> {
    inner: Arc<T>,
    plan: Box<Plan>,
}

impl<T: Send + Sync + ?Sized> Unreliable<T> {
    /// Decides over the calls of `inner`.
    pub fn new(inner: Arc<T>, plan: impl Fn(&'static str) -> Fate + Send + Sync + 'static) -> Self {
        Self { inner, plan: Box::new(plan) }
    }

    fn meet<'a, R: Send + 'a>(
        &'a self,
        method: &'static str,
        call: BoxFuture<'a, Result<R, Error>>,
    ) -> BoxFuture<'a, Result<R, Error>> {
        Box::pin(async move {
            // Even a store in the same room lets others work while it is asked.
            tokio::time::sleep(ROUND_TRIP).await;
            match (self.plan)(method) {
                Fate::Pass => call.await,
                Fate::Refused => Err(cut(method)),
                Fate::AnswerLost => {
                    call.await.and_then(|_| Err(cut(method).with_outcome_unknown()))
                }
                Fate::Silence => std::future::pending().await,
                Fate::DoneInSilence => {
                    drop(call.await);
                    std::future::pending().await
                }
            }
        })
    }
}

const ROUND_TRIP: Duration = Duration::from_micros(500);

fn cut(method: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, method, "the connection was cut")
}

impl<T: Store + ?Sized> Store for Unreliable<T> {
    delegate_port!(Store => |this| this.inner, through meet);
}

impl<T: OutboxLog + ?Sized> OutboxLog for Unreliable<T> {
    delegate_port!(OutboxLog => |this| this.inner, through meet);
}

impl<T: Deliveries + ?Sized> Deliveries for Unreliable<T> {
    delegate_port!(Deliveries => |this| this.inner, through meet);
}

impl<T: TenantTracks + ?Sized> TenantTracks for Unreliable<T> {
    delegate_port!(TenantTracks => |this| this.inner, through meet);
}

impl<T: TenantPolicies + ?Sized> TenantPolicies for Unreliable<T> {
    delegate_port!(TenantPolicies => |this| this.inner, through meet);
}

impl<T: DeadLetters + ?Sized> DeadLetters for Unreliable<T> {
    delegate_port!(DeadLetters => |this| this.inner, through meet);
}

impl<T: LogKeeping + ?Sized> LogKeeping for Unreliable<T> {
    delegate_port!(LogKeeping => |this| this.inner, through meet);
}

impl<T: LogLag + ?Sized> LogLag for Unreliable<T> {
    delegate_port!(LogLag => |this| this.inner, through meet);
}

impl<T: ProjectionStore + ?Sized> ProjectionStore for Unreliable<T> {
    delegate_port!(ProjectionStore => |this| this.inner, through meet);
}

impl<T: Migrate + ?Sized> Migrate for Unreliable<T> {
    delegate_port!(Migrate => |this| this.inner);
}
