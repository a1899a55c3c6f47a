//! An archive in memory whose calls fail as they are told.

use bytes::Bytes;
use idp_application::{BoxFuture, Error, ErrorKind};
use idp_keeper::ArchiveStore;
use idp_testkit::Fate;
use std::collections::BTreeMap;
use std::sync::Mutex;

type Plan = dyn FnMut(&str) -> Fate + Send;

/// Objects by name. The plan decides over each put and replacement, by the name of the object.
pub(crate) struct Shelf {
    objects: Mutex<BTreeMap<String, Bytes>>,
    plan: Mutex<Box<Plan>>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self { objects: Mutex::default(), plan: Mutex::new(Box::new(|_| Fate::Pass)) }
    }
}

impl Shelf {
    pub(crate) fn plan(&self, plan: impl FnMut(&str) -> Fate + Send + 'static) {
        *self.plan.lock().expect("nobody panics with it") = Box::new(plan);
    }

    pub(crate) fn objects(&self) -> BTreeMap<String, Bytes> {
        self.objects.lock().expect("nobody panics with it").clone()
    }

    /// The names of the objects of a folder.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let objects = self.objects();
        objects.into_keys().filter(|name| name.starts_with(folder)).collect()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Bytes>)) {
        change(&mut self.objects.lock().expect("nobody panics with it"));
    }

    fn store(&self, name: &str, object: &Bytes) {
        let mut objects = self.objects.lock().expect("nobody panics with it");
        if let Some(before) = objects.insert(name.into(), object.clone()) {
            assert_eq!(before, *object, "what is written again under `{name}` is the same");
        }
    }
}

impl Shelf {
    fn swap(&self, name: &str, before: Option<&Bytes>, object: Bytes) -> bool {
        let mut objects = self.objects.lock().expect("nobody panics with it");
        let is_as_seen = objects.get(name) == before;
        if is_as_seen {
            objects.insert(name.into(), object);
        }
        is_as_seen
    }
}

fn away(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation, "the shelf is away")
}

impl ArchiveStore for Shelf {
    fn put<'a>(&'a self, name: &'a str, object: Bytes) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let fate = (self.plan.lock().expect("nobody panics with it"))(name);
            if matches!(fate, Fate::Pass | Fate::AnswerLost | Fate::DoneInSilence) {
                self.store(name, &object);
            }
            match fate {
                Fate::Pass => Ok(()),
                Fate::Refused | Fate::AnswerLost => Err(away("put")),
                Fate::Silence | Fate::DoneInSilence => std::future::pending().await,
            }
        })
    }

    fn replace<'a>(
        &'a self,
        name: &'a str,
        before: Option<Bytes>,
        object: Bytes,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let fate = (self.plan.lock().expect("nobody panics with it"))(name);
            let is_done = matches!(fate, Fate::Pass | Fate::AnswerLost | Fate::DoneInSilence);
            let is_replaced = is_done && self.swap(name, before.as_ref(), object);
            match fate {
                Fate::Pass => Ok(is_replaced),
                Fate::Refused | Fate::AnswerLost => Err(away("replace")),
                Fate::Silence | Fate::DoneInSilence => std::future::pending().await,
            }
        })
    }

    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move {
            let object = self.objects.lock().expect("nobody panics with it").get(name).cloned();
            object.ok_or_else(|| Error::new(ErrorKind::NotFound, "get", "it is not there"))
        })
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        Box::pin(async move { Ok(self.names(&format!("{folder}/"))) })
    }
}
