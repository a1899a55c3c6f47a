//! Facts that an aggregate tells, with the static names and versions under which they are kept.

use std::fmt;

/// The schema of one event: what its payload looks like, by name and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventSchema {
    /// The stable name of the event, as `route_plan.created`.
    pub name: &'static str,
    /// The identity of the schema in a registry; the name, unless the event says otherwise.
    pub schema_id: &'static str,
    /// The version of the schema, from 1.
    pub version: u32,
}

/// The events of one aggregate. Derived for an enum with one variant an event.
///
/// ```
/// use idp_domain::DomainEvent;
///
/// #[derive(DomainEvent, Clone, Debug, PartialEq)]
/// pub enum DoorEvent {
///     #[event(name = "door.opened")]
///     Opened { by: String },
///     #[event(name = "door.closed", version = 2, upcast = from_v1)]
///     Closed { locked: bool },
/// }
///
/// /// Version 1 did not say whether the door was locked.
/// fn from_v1(_version: u32, mut payload: serde_json::Value) -> Result<serde_json::Value, String> {
///     payload["locked"] = false.into();
///     Ok(payload)
/// }
///
/// let old = serde_json::json!({});
/// assert_eq!(
///     DoorEvent::from_payload("door.closed", 1, old),
///     Ok(DoorEvent::Closed { locked: false }),
/// );
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of domain events",
    label = "not a set of domain events",
    note = "derive `DomainEvent` for an enum and give each variant `#[event(name = \"…\")]`"
)]
pub trait DomainEvent: Clone + fmt::Debug + Send + Sync + Sized + 'static {
    /// Every event of the set, in its current version.
    const SCHEMAS: &'static [EventSchema];

    /// The schema of this event.
    fn schema(&self) -> &'static EventSchema;

    /// The fields of this event, as JSON.
    fn payload(&self) -> serde_json::Value;

    /// The event that was kept under this name and version.
    ///
    /// Members of the payload that are unknown are ignored. A version older than the current one is
    /// first lifted by the `upcast` function of the variant; a newer one is refused.
    fn from_payload(
        name: &str,
        version: u32,
        payload: serde_json::Value,
    ) -> Result<Self, PayloadError>;
}

/// Why a kept payload is not an event of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// The set has no event of that name.
    UnknownName {
        /// The name.
        name: String,
    },
    /// The version is newer than this build knows, or older and without an upcaster.
    UnknownVersion {
        /// The name of the event.
        name: String,
        /// The version of the payload.
        version: u32,
        /// The version that this build writes.
        current: u32,
    },
    /// The payload lacks a member, or holds one of the wrong type.
    Malformed {
        /// The name of the event.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl PayloadError {
    /// See [`PayloadError::UnknownName`].
    pub fn unknown_name(name: &str) -> Self {
        Self::UnknownName { name: name.into() }
    }

    /// See [`PayloadError::UnknownVersion`].
    pub fn unknown_version(name: &str, version: u32, current: u32) -> Self {
        Self::UnknownVersion { name: name.into(), version, current }
    }

    /// See [`PayloadError::Malformed`].
    pub fn malformed(name: &str, reason: String) -> Self {
        Self::Malformed { name: name.into(), reason }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName { name } => write!(f, "there is no event named `{name}`"),
            Self::UnknownVersion { name, version, current } => write!(
                f,
                "event `{name}` has version {version}, this build reads version {current} and has \
                 no upcaster for it"
            ),
            Self::Malformed { name, reason } => {
                write!(f, "the payload of event `{name}` is malformed: {reason}")
            }
        }
    }
}

impl std::error::Error for PayloadError {}
