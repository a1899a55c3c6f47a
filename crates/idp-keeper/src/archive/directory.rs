//! An archive in a directory.

use super::store::ArchiveStore;
use bytes::Bytes;
use idp_application::{BoxFuture, Error, ErrorKind};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Keeps objects as files: written under a temporary name, synced, renamed, and the folder synced.
///
/// Whatever ends with `.part` is left of a process that died while it wrote; it is never read, and may
/// be deleted when no keeper runs. The file system must rename atomically, sync when it is told to, and
/// lock files for all processes that write to it: local ones do.
#[derive(Clone, Debug)]
pub struct DirectoryArchive {
    root: Arc<Path>,
}

impl DirectoryArchive {
    /// The archive in that directory, which is made when it is not there.
    ///
    /// Fails with [`Unavailable`](ErrorKind::Unavailable) when it cannot be made. Blocks for the
    /// moment that this takes.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root: PathBuf = root.into();
        let failed = |e| failed("open the archive", &root.display().to_string(), e);
        fs::create_dir_all(&root).map_err(failed)?;
        if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent).map_err(failed)?;
        }
        Ok(Self { root: root.into() })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        name: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let path = self.path_of(operation, name)?;
        let done = tokio::task::spawn_blocking(move || work(&path)).await;
        let done = done.unwrap_or_else(|e| Err(io::Error::other(e)));
        done.map_err(|e| failed(operation, name, e))
    }

    /// Names stay within the directory.
    fn path_of(&self, operation: &'static str, name: &str) -> Result<PathBuf, Error> {
        let is_allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
        let parts: Vec<&str> = name.split('/').collect();
        let is_good = |part: &&str| part.starts_with(|c| c != '.') && part.chars().all(is_allowed);
        if parts.len() <= 2 && parts.iter().all(is_good) {
            return Ok(parts.iter().fold(self.root.to_path_buf(), |path, part| path.join(part)));
        }
        let message = format!("{name:?} is no name of an object of an archive");
        Err(Error::new(ErrorKind::Invalid, operation, message))
    }
}

impl ArchiveStore for DirectoryArchive {
    fn put<'a>(&'a self, name: &'a str, object: Bytes) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.blocking("write to the archive", name, move |path| put(path, &object)))
    }

    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(self.blocking("read the archive", name, |path| Ok(fs::read(path)?.into())))
    }

    fn replace<'a>(
        &'a self,
        name: &'a str,
        before: Option<Bytes>,
        object: Bytes,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        let replace = move |path: &Path| replace(path, before.as_deref(), &object);
        Box::pin(self.blocking("write to the archive", name, replace))
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        Box::pin(async move {
            let names = self.blocking("list the archive", folder, names_in).await?;
            Ok(names.into_iter().map(|name| format!("{folder}/{name}")).collect())
        })
    }
}

fn put(path: &Path, object: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("the name has no folder"))?;
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        folder.parent().map_or(Ok(()), sync_folder)?;
    }
    let (part, mut file) = new_part(path)?;
    let written = file.write_all(object).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&part, path));
    if let Err(error) = renamed {
        // What cannot be removed is never read.
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    sync_folder(folder)
}

/// Replaces it while no other process can. The lock ends with the process that has it.
fn replace(path: &Path, before: Option<&[u8]>, object: &[u8]) -> io::Result<bool> {
    let lock = path.with_added_extension(LOCK);
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(lock)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let there = match fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        there => Some(there?),
    };
    if there.as_deref() != before {
        return Ok(false);
    }
    put(path, object).map(|()| true)
}

/// A new file beside the one that it becomes. No other process, and no other call, writes to it.
fn new_part(path: &Path) -> io::Result<(PathBuf, File)> {
    static PARTS: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = PARTS.fetch_add(1, Ordering::Relaxed);
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{number}.{PART}", std::process::id()));
        let part = path.with_file_name(name);
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            file => return Ok((part, file?)),
        }
    }
}

const PART: &str = "part";
const LOCK: &str = "lock";

/// A rename lasts when the folder was synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if ![PART, LOCK].iter().any(|other| path.extension() == Some(OsStr::new(other))) {
            names.extend(path.file_name().and_then(OsStr::to_str).map(str::to_owned));
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn failed(operation: &'static str, name: &str, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, operation, format!("`{name}`: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> (tempfile::TempDir, DirectoryArchive) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let archive = DirectoryArchive::open(folder.path().join("archive")).expect("it opens");
        (folder, archive)
    }

    #[tokio::test]
    async fn what_was_put_last_is_there_and_listed() {
        let (_folder, archive) = archive();
        assert_eq!(archive.list("segments").await.expect("listed"), [""; 0]);
        for text in ["one", "two"] {
            archive.put("segments/b.json", Bytes::from(text)).await.expect("written");
        }
        archive.put("segments/a.json", Bytes::new()).await.expect("written");
        let names = archive.list("segments").await.expect("listed");
        assert_eq!(names, ["segments/a.json", "segments/b.json"]);
        assert_eq!(archive.get("segments/b.json").await.expect("read"), "two");
        let missing = archive.get("segments/c.json").await.expect_err("it is not there");
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn what_a_dead_process_left_is_not_listed_and_in_nobodys_way() {
        let (folder, archive) = archive();
        archive.put("segments/a.json", Bytes::from("whole")).await.expect("written");
        let pid = std::process::id();
        for number in 0..50 {
            let left = format!("archive/segments/a.json.{pid}-{number}.part");
            fs::write(folder.path().join(left), "half").expect("written");
        }
        assert_eq!(archive.list("segments").await.expect("listed"), ["segments/a.json"]);
        archive.put("segments/a.json", Bytes::from("again")).await.expect("written");
        assert_eq!(archive.get("segments/a.json").await.expect("read"), "again");
    }

    #[tokio::test]
    async fn a_put_that_cannot_end_leaves_what_was_there_and_no_part() {
        let (folder, archive) = archive();
        let path = folder.path().join("archive/segments/a.json");
        fs::create_dir_all(path.join("in the way")).expect("made");
        archive
            .put("segments/a.json", Bytes::from("new"))
            .await
            .expect_err("a folder has the name");
        let left = fs::read_dir(path.parent().expect("it has one")).expect("read").count();
        assert_eq!(left, 1, "the folder, and no part");
    }

    #[tokio::test]
    async fn of_those_who_replace_the_same_one_gets_through() {
        let (folder, archive) = archive();
        let replace = async |before: Option<&'static str>, after: &'static str| {
            let (before, after) = (before.map(Bytes::from), Bytes::from(after));
            archive.replace("head.json", before, after).await.expect("the folder is there")
        };
        assert!(!replace(Some("zero"), "one").await, "there is none");
        assert!(replace(None, "one").await);
        assert!(!replace(None, "two").await);
        assert!(!replace(Some("zero"), "two").await);
        assert_eq!(archive.get("head.json").await.expect("read"), "one");
        let mut rivals = tokio::task::JoinSet::new();
        for rival in 0..32 {
            let archive = archive.clone();
            rivals.spawn(async move {
                let object = Bytes::from(format!("rival {rival}"));
                archive.replace("head.json", Some("one".into()), object).await.expect("it answers")
            });
        }
        let through = rivals.join_all().await.into_iter().filter(|through| *through).count();
        assert_eq!(through, 1);
        let lock = File::open(folder.path().join("archive/head.json.lock")).expect("it is there");
        lock.lock().expect("nobody has it");
        let there = archive.get("head.json").await.expect("read");
        let locked = archive.replace("head.json", Some(there.clone()), Bytes::new()).await;
        assert!(!locked.expect("it answers"), "another process is at it");
        drop(lock);
        let free = archive.replace("head.json", Some(there), Bytes::from("last")).await;
        assert!(free.expect("it answers"));
    }

    #[tokio::test]
    async fn a_name_never_leaves_the_directory() {
        let (_folder, archive) = archive();
        for name in ["../a", "/a", "a/../b", "a/b/c", "", "a/", ".a", "A", "a\\b"] {
            let error = archive.get(name).await.expect_err("no name");
            assert_eq!(error.kind(), ErrorKind::Invalid, "{name}");
        }
    }
}
