//! An operator who looks after dead letters.

use idp_application::{
    Actor, DeadLetterAction, DeadLetterCommand, DeadLetters, DeliveryKey, Error, ErrorKind,
    ParkedKey, TenantPolicies, TenantPolicy, TenantPolicyOrder,
};
use idp_domain::TenantId;
use idp_memory::MemoryStore;
use idp_testkit::{Dice, Entry, Recorder};
use std::sync::Arc;

pub(crate) struct Operator {
    store: Arc<MemoryStore>,
    recorder: Recorder,
}

impl Operator {
    pub(crate) fn new(store: Arc<MemoryStore>, recorder: Recorder) -> Self {
        Self { store, recorder }
    }

    pub(crate) async fn parked(&self) -> Vec<ParkedKey> {
        let keys = self.store.parked("bus", None, None, 1_000).await.expect("the store answers");
        keys.into_iter().filter(|key| key.is_parked).collect()
    }

    pub(crate) async fn command(
        &self,
        parked: &ParkedKey,
        action: DeadLetterAction,
    ) -> Result<(), Error> {
        let command = DeadLetterCommand {
            actor: Actor::new("operator"),
            key: parked.key.clone(),
            revision: parked.revision,
            action,
            reason: "a test".into(),
        };
        self.store.command("bus", &command).await
    }

    /// Resumes every parked key. Says how many there were.
    pub(crate) async fn resume_all(&self) -> usize {
        let parked = self.parked().await;
        for key in &parked {
            self.settle_for(self.command(key, DeadLetterAction::Resume).await);
        }
        parked.len()
    }

    /// Has a tenant served in another way from now on.
    pub(crate) async fn treat(&self, policy: TenantPolicy) {
        let (actor, reason) = (Actor::new("operator"), "a test".into());
        let order = TenantPolicyOrder { actor, policy, reason };
        self.store.set_tenant_policy("bus", &order).await.expect("the store answers");
    }

    /// Does something with one of the parked keys.
    pub(crate) async fn act(&self, dice: &Dice) {
        let parked = self.parked().await;
        if parked.is_empty() {
            return;
        }
        let key = &parked[dice.place(parked.len())];
        match dice.within(0..3) {
            0 => drop(self.settle_for(self.command(key, DeadLetterAction::Resume).await)),
            1 => self.discard_head(key).await,
            _ => self.discard_key(key).await,
        }
    }

    async fn discard_head(&self, key: &ParkedKey) {
        let Some(event) = self.events(&key.key).await.first().copied() else { return };
        if self.settle_for(self.command(key, DeadLetterAction::Discard { event }).await) {
            self.recorder.record(Entry::Discarded(event));
        }
    }

    async fn discard_key(&self, key: &ParkedKey) {
        let events = self.events(&key.key).await;
        if self.settle_for(self.command(key, DeadLetterAction::DiscardKey).await) {
            events.into_iter().for_each(|event| self.recorder.record(Entry::Discarded(event)));
        }
    }

    async fn events(&self, key: &DeliveryKey) -> Vec<idp_domain::Uuid> {
        let events = self.store.events("bus", key).await.expect("the store answers");
        events.into_iter().map(|event| event.envelope.event_id).collect()
    }

    /// Whether the command was carried out. A key that changed meanwhile is left alone.
    fn settle_for(&self, result: Result<(), Error>) -> bool {
        match result {
            Ok(()) => true,
            Err(error) => {
                let stale = [ErrorKind::Conflict, ErrorKind::NotFound];
                assert!(stale.contains(&error.kind()), "{error}");
                false
            }
        }
    }
}

/// What holds for a tenant of which nobody said anything.
pub(crate) fn usual(tenant: &str) -> TenantPolicy {
    TenantPolicy::usual(TenantId::new(tenant).expect("valid"))
}
