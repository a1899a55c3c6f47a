//! Where in a request a value does not have the expected shape, and what was expected there.

use crate::FieldFault;

/// The fault that serde found at that path.
///
/// Of a field that is missing or stands twice, the path is that of its owner, and only the text of
/// the error has its name; it is moved into the path, so that a client finds each field the same way.
pub(crate) fn fault(path: &serde_path_to_error::Path, message: String) -> FieldFault {
    let owner = path.to_string();
    let owner = if owner == "." { String::new() } else { owner };
    let field = match field_in(&message) {
        Some(name) if owner.is_empty() => name.to_string(),
        Some(name) => format!("{owner}.{name}"),
        None => owner,
    };
    FieldFault { field, message }
}

fn field_in(message: &str) -> Option<&str> {
    let quoted = message
        .strip_prefix("missing field `")
        .or_else(|| message.strip_prefix("duplicate field `"))?;
    quoted.split_once('`').map(|(name, _)| name)
}
