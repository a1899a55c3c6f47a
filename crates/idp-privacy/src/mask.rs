//! Masking: fields that a target must not get.

mod key;
mod place;

pub use key::MaskKey;
pub use place::Place;

use idp_application::{BoxFuture, CloudEvent, Error, ErrorKind, Transform, TransformError};
use idp_domain::{TenantId, canonical_json};
use serde_json::Value;
use std::fmt;

/// What comes in the place of a field.
#[derive(Clone)]
pub enum MaskAction {
    /// Nothing: the member or element is taken out.
    Remove,
    /// This value.
    Replace(Value),
    /// The HMAC-SHA256 of tenant and value under this key, as text. Equal values of one tenant stay
    /// equal, so that they can still be counted and joined; without the key nobody can try values out.
    Hash(MaskKey),
}

/// Rules about fields of payloads and about metadata, for one target. Rules are applied in the order
/// in which they were added. An event that no rule is about passes unchanged; one that a rule changes
/// loses its content hash.
///
/// Masking takes the payload apart, so it comes after [`Decrypt`](crate::Decrypt) and before
/// [`Encrypt`](crate::Encrypt): what is not JSON, or is encrypted, is refused if there is a rule about
/// it, and never passes unmasked.
///
/// ```
/// use idp_privacy::{Mask, MaskAction, MaskKey, Place};
///
/// # fn example(secret: Vec<u8>) -> Result<Mask, idp_application::Error> {
/// let hash = MaskAction::Hash(MaskKey::new(secret)?);
/// let mask = Mask::new()
///     .field("order.placed", Place::pointer("/customer/email")?, hash)
///     .field_of_all(Place::named("iban"), MaskAction::Remove)
///     .metadata("actor", MaskAction::Replace("somebody".into()));
/// # Ok(mask) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Mask {
    fields: Vec<FieldRule>,
    metadata: Vec<(String, MaskAction)>,
}

#[derive(Clone, Debug)]
struct FieldRule {
    /// `None` is every event.
    event_type: Option<String>,
    place: Place,
    action: MaskAction,
    is_required: bool,
}

impl Mask {
    /// No rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Masks a field of the events of that name. An event without the field passes.
    pub fn field(self, event_type: &str, place: Place, action: MaskAction) -> Self {
        self.with(Some(event_type.to_owned()), place, action, false)
    }

    /// The same, for a field that every event of that name must have: one without it is refused, so
    /// that a renamed field does not slip through.
    pub fn required_field(self, event_type: &str, place: Place, action: MaskAction) -> Self {
        self.with(Some(event_type.to_owned()), place, action, true)
    }

    /// Masks a field of all events that have it.
    pub fn field_of_all(self, place: Place, action: MaskAction) -> Self {
        self.with(None, place, action, false)
    }

    /// Masks an entry of the metadata, such as the actor.
    pub fn metadata(mut self, name: impl Into<String>, action: MaskAction) -> Self {
        self.metadata.push((name.into(), action));
        self
    }

    fn with(
        mut self,
        event_type: Option<String>,
        place: Place,
        action: MaskAction,
        is_required: bool,
    ) -> Self {
        self.fields.push(FieldRule { event_type, place, action, is_required });
        self
    }

    /// The event as the target is to get it. Fails with [`Invalid`](ErrorKind::Invalid) when it cannot
    /// be masked as the rules say.
    pub fn masked(&self, mut event: CloudEvent) -> Result<CloudEvent, Error> {
        let fields = self.mask_fields(&mut event)?;
        let metadata = self.mask_metadata(&mut event)?;
        if fields || metadata {
            event.content_hash = None;
        }
        Ok(event)
    }

    fn mask_fields(&self, event: &mut CloudEvent) -> Result<bool, Error> {
        let is_about = |rule: &&FieldRule| {
            rule.event_type.as_deref().is_none_or(|name| name == event.event_type)
        };
        let mut rules = self.fields.iter().filter(is_about).peekable();
        if rules.peek().is_none() {
            return Ok(false);
        }
        if event.content_type != CloudEvent::JSON {
            let fault = format!("`{}` cannot be masked", event.content_type);
            return Err(invalid(fault));
        }
        let mut payload: Value =
            serde_json::from_slice(&event.data).map_err(|_| invalid("the data is not JSON"))?;
        let mut changed = false;
        for rule in rules {
            let found = rule
                .place
                .change(&mut payload, &mut |value| rule.action.result(&event.tenant, value))?;
            if !found && rule.is_required {
                return Err(invalid(format!("there is no field {}", rule.place)));
            }
            changed |= found;
        }
        if changed {
            event.data = canonical_json(&payload).map_err(|e| invalid(e.to_string()))?.into();
        }
        Ok(changed)
    }

    fn mask_metadata(&self, event: &mut CloudEvent) -> Result<bool, Error> {
        let mut changed = false;
        for (name, action) in &self.metadata {
            let Some(value) = event.metadata.remove(name) else { continue };
            changed = true;
            match action.result(&event.tenant, &Value::String(value))? {
                None => {}
                Some(Value::String(text)) => drop(event.metadata.insert(name.clone(), text)),
                Some(other) => drop(event.metadata.insert(name.clone(), other.to_string())),
            }
        }
        Ok(changed)
    }
}

impl MaskAction {
    /// What comes in the place of the value; `None` takes it out.
    fn result(&self, tenant: &TenantId, value: &Value) -> Result<Option<Value>, Error> {
        match self {
            Self::Remove => Ok(None),
            Self::Replace(other) => Ok(Some(other.clone())),
            Self::Hash(key) => {
                let value = canonical_json(value).map_err(|e| invalid(e.to_string()))?;
                // The name of a tenant has no space: no two pairs give one text.
                Ok(Some(Value::String(key.hash(&format!("{tenant} {value}")))))
            }
        }
    }
}

impl fmt::Debug for MaskAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove => f.write_str("Remove"),
            Self::Replace(value) => write!(f, "Replace({value})"),
            Self::Hash(_) => f.write_str("Hash(..)"),
        }
    }
}

impl Transform for Mask {
    fn apply(&self, event: CloudEvent) -> BoxFuture<'_, Result<CloudEvent, TransformError>> {
        let masked = self.masked(event).map_err(TransformError::Refused);
        Box::pin(async move { masked })
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, "mask", message)
}

#[cfg(test)]
mod tests;
