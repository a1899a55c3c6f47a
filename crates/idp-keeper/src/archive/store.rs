//! The port through which an archive is kept.

use bytes::Bytes;
use idp_application::{BoxFuture, Error};

/// Keeps whole objects under names: a directory, or a bucket of an object store.
///
/// Names are made of `a-z`, `0-9`, `-`, `.` and one `/`, which parts a folder from the rest. An object
/// is at most about `segment_bytes_max` long. Two processes may put the same name at the same time; what
/// they put under it is the same. One object is changed, by all of them: that is what `replace` is for.
///
/// # Contract
/// 1. When a `put` succeeds the object is there as a whole, and stays also when the machine loses power.
/// 2. A `put` that fails, is dropped, or ends with its process, leaves what was there before or the new
///    object, never a part of it.
/// 3. `get` gives what was put last, or fails with [`NotFound`](idp_application::ErrorKind::NotFound).
/// 4. `list` gives the names of whole objects only, sorted.
/// 5. `replace` is a `put` that happens only if what is there is just what the caller saw. Of several with
///    the same `before`, by whatever processes, at most one happens. One that says `true` is durable; one
///    that says `false` has changed nothing; one that fails did either.
pub trait ArchiveStore: Send + Sync + 'static {
    /// Keeps an object under a name, in the place of the one before.
    fn put<'a>(&'a self, name: &'a str, object: Bytes) -> BoxFuture<'a, Result<(), Error>>;

    /// The object of that name.
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Bytes, Error>>;

    /// Keeps an object under a name in the place of `before`, or where there is none. Says whether it
    /// does: `false` when something else is there, or somebody is replacing it at this moment.
    fn replace<'a>(
        &'a self,
        name: &'a str,
        before: Option<Bytes>,
        object: Bytes,
    ) -> BoxFuture<'a, Result<bool, Error>>;

    /// The names of the objects in a folder, the folder included.
    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<String>, Error>>;
}
