//! Where in a payload something stands.

use super::invalid;
use idp_application::Error;
use serde_json::Value;
use std::fmt;

/// Where in a payload something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Pointer(Vec<String>),
    Named(String),
}

/// What becomes of a value: another, or nothing.
type Change<'c> = dyn FnMut(&Value) -> Result<Option<Value>, Error> + 'c;

impl Place {
    /// The place that a JSON pointer (RFC 6901) names, such as `/customer/email`. In an array, `*` is
    /// each of its elements. Fails when the text is no pointer, or is the empty one, which is the
    /// whole payload.
    pub fn pointer(text: &str) -> Result<Self, Error> {
        let fault =
            |reason: &str| invalid(format!("{text:?} is no JSON pointer to a field: {reason}"));
        let rest = text.strip_prefix('/').ok_or_else(|| fault("it must start with `/`"))?;
        let escapes = rest.replace("~0", "").replace("~1", "");
        if escapes.contains('~') {
            return Err(fault("`~` must be followed by 0 or 1"));
        }
        let segments = rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
        Ok(Self(Kind::Pointer(segments.collect())))
    }

    /// Every member of that name, at any depth.
    pub fn named(name: impl Into<String>) -> Self {
        Self(Kind::Named(name.into()))
    }

    /// Changes what stands there. Says whether there was anything.
    pub(super) fn change(
        &self,
        payload: &mut Value,
        change: &mut Change<'_>,
    ) -> Result<bool, Error> {
        match &self.0 {
            Kind::Pointer(segments) => change_at(payload, segments, change),
            Kind::Named(name) => change_named(payload, name, change),
        }
    }
}

fn change_at(
    value: &mut Value,
    segments: &[String],
    change: &mut Change<'_>,
) -> Result<bool, Error> {
    let Some((segment, rest)) = segments.split_first() else { return Ok(false) };
    match value {
        Value::Object(members) if rest.is_empty() => change_member(members, segment, change),
        Value::Object(members) => match members.get_mut(segment) {
            Some(member) => change_at(member, rest, change),
            None => Ok(false),
        },
        Value::Array(elements) => change_elements(elements, segment, rest, change),
        _ => Ok(false),
    }
}

fn change_elements(
    elements: &mut Vec<Value>,
    segment: &str,
    rest: &[String],
    change: &mut Change<'_>,
) -> Result<bool, Error> {
    let chosen = |index: usize| segment == "*" || segment == index.to_string();
    let mut found = false;
    if !rest.is_empty() {
        for (_, element) in elements.iter_mut().enumerate().filter(|(index, _)| chosen(*index)) {
            found |= change_at(element, rest, change)?;
        }
        return Ok(found);
    }
    let mut kept = Vec::with_capacity(elements.len());
    for (index, element) in std::mem::take(elements).into_iter().enumerate() {
        if chosen(index) {
            found = true;
            kept.extend(change(&element)?);
        } else {
            kept.push(element);
        }
    }
    *elements = kept;
    Ok(found)
}

fn change_named(value: &mut Value, name: &str, change: &mut Change<'_>) -> Result<bool, Error> {
    let mut found = false;
    match value {
        Value::Object(members) => {
            found |= change_member(members, name, change)?;
            for (_, member) in members.iter_mut().filter(|(key, _)| *key != name) {
                found |= change_named(member, name, change)?;
            }
        }
        Value::Array(elements) => {
            for element in elements {
                found |= change_named(element, name, change)?;
            }
        }
        _ => {}
    }
    Ok(found)
}

fn change_member(
    members: &mut serde_json::Map<String, Value>,
    name: &str,
    change: &mut Change<'_>,
) -> Result<bool, Error> {
    let Some(member) = members.get_mut(name) else { return Ok(false) };
    match change(member)? {
        Some(other) => *member = other,
        None => drop(members.remove(name)),
    }
    Ok(true)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Pointer(segments) => segments.iter().try_for_each(|segment| {
                write!(f, "/{}", segment.replace('~', "~0").replace('/', "~1"))
            }),
            Kind::Named(name) => write!(f, "`{name}`"),
        }
    }
}
