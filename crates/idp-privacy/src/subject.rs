//! What a ciphertext belongs to.

use idp_application::CloudEvent;
use idp_domain::{EventRecord, TenantId, Uuid};

/// The event that a payload is of. It is part of what is authenticated: a payload that is moved to
/// another event or tenant does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The identity of the event.
    pub event: Uuid,
    /// Whose event it is; whose keys are used.
    pub tenant: &'a TenantId,
    /// The name of the event.
    pub event_type: &'a str,
}

impl<'a> Subject<'a> {
    /// The subject of a stored event.
    pub fn of_record(record: &'a EventRecord) -> Self {
        Self { event: record.event_id, tenant: &record.tenant, event_type: &record.event_type }
    }

    /// The subject of an event on its way out.
    pub fn of_event(event: &'a CloudEvent) -> Self {
        Self { event: event.id, tenant: &event.tenant, event_type: &event.event_type }
    }
}
