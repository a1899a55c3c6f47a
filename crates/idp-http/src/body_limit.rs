//! How large the body of a request may be.

/// The bound on the body of a request, in bytes.
///
/// The [`Edge`](crate::Edge) sets one for all routes; a route that takes more (or less) is layered
/// with `axum::Extension(BodyLimit::bytes(..))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimit(usize);

impl BodyLimit {
    /// At most that many bytes; 0 allows only an empty body.
    pub const fn bytes(bytes: usize) -> Self {
        Self(bytes)
    }

    /// The bound in bytes.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for BodyLimit {
    /// 1 MiB.
    fn default() -> Self {
        Self(1024 * 1024)
    }
}
