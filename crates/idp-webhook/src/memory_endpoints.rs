//! Endpoints kept in memory: for tests, and for endpoints that stand in the settings.

use crate::{Endpoint, EndpointState, EndpointUrl, Endpoints};
use idp_application::{BoxFuture, CloudEvent, Error};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Endpoints in memory. What is disabled is enabled again when the process starts again.
#[derive(Debug, Default)]
pub struct MemoryEndpoints {
    endpoints: Mutex<BTreeMap<String, Arc<Endpoint>>>,
}

impl MemoryEndpoints {
    /// Registers an endpoint, or replaces the one of that name.
    pub fn put(&self, name: impl Into<String>, endpoint: Endpoint) {
        self.lock().insert(name.into(), Arc::new(endpoint));
    }

    /// Forgets an endpoint.
    pub fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    /// The endpoint of that name.
    pub fn get(&self, name: &str) -> Option<Arc<Endpoint>> {
        self.lock().get(name).cloned()
    }

    /// The names of the enabled endpoints that may see the event and want it.
    pub fn subscribed(&self, event: &CloudEvent) -> Vec<String> {
        let is_for = |endpoint: &Endpoint| {
            endpoint.state == EndpointState::Enabled
                && endpoint.may_see(&event.tenant)
                && endpoint.wants(event)
        };
        let endpoints = self.lock();
        let wanting = endpoints.iter().filter(|(_, endpoint)| is_for(endpoint));
        wanting.map(|(name, _)| name.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Endpoint>>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Endpoints for MemoryEndpoints {
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Arc<Endpoint>>, Error>> {
        Box::pin(async move { Ok(self.get(name)) })
    }

    fn disable<'a>(
        &'a self,
        name: &'a str,
        url: &'a EndpointUrl,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if let Some(endpoint) = self.lock().get_mut(name).filter(|e| e.url == *url) {
                let state = EndpointState::Disabled { reason: reason.to_owned() };
                *endpoint = Arc::new(Endpoint { state, ..(**endpoint).clone() });
            }
            Ok(())
        })
    }
}
