//! A text that must not be shown.

/// A secret. It has neither `Debug` nor `Display`, so it does not reach a log by accident; that a
/// type with a secret in it cannot derive `Debug` is meant so. Equality is for tests; do not check
/// what a stranger sent with it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text. Whoever calls this sees to it that it is not shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}
