//! The contract of key rings, for each of ours.

use crate::support::{EveryTenant, key_id, tenant};
use idp_application::ErrorKind;
use idp_privacy::{Key, KeyRing, MemoryKeyRing, StaticKeyRing, SystemRandom};

fn key(id: &str) -> Key {
    Key::generate(key_id(id), &SystemRandom).expect("randomness")
}

/// `acme` has `new`, which is current, and `old`; `other` has `new`, another one.
fn memory() -> MemoryKeyRing {
    let ring = MemoryKeyRing::default();
    for (name, id) in [("acme", "old"), ("acme", "new"), ("other", "new")] {
        ring.add(tenant(name), key(id)).expect("a new id");
    }
    ring
}

fn of_settings() -> StaticKeyRing {
    let secret = |letter: &str| format!("{}=", letter.repeat(43));
    let (a, b, c) = (secret("A"), secret("E"), secret("I"));
    StaticKeyRing::parse(&format!("acme/new:{a} acme/old:{b} other/new:{c}")).expect("valid")
}

#[tokio::test]
async fn rings_keep_their_contract() {
    for ring in [Box::new(memory()) as Box<dyn KeyRing>, Box::new(of_settings())] {
        let (acme, other) = (tenant("acme"), tenant("other"));
        assert_eq!(ring.current(&acme).await.expect("a key").id(), &key_id("new"));
        for id in ["new", "old"] {
            let found = ring.find(&acme, &key_id(id)).await.expect("no failure");
            assert_eq!(found.expect("it is there").id(), &key_id(id));
        }
        assert!(ring.find(&other, &key_id("old")).await.expect("no failure").is_none());
        let nobody = tenant("nobody");
        assert!(ring.find(&nobody, &key_id("new")).await.expect("no failure").is_none());
        let error = ring.current(&nobody).await.expect_err("nothing is written in clear");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert!(EveryTenant.current(&tenant("anybody")).await.is_ok());
}

#[tokio::test]
async fn destroyed_keys_are_gone_and_ids_are_not_given_twice() {
    let (ring, acme) = (memory(), tenant("acme"));
    assert_eq!(ring.add(acme.clone(), key("old")).expect_err("taken").kind(), ErrorKind::Duplicate);
    ring.destroy(&acme, &key_id("new"));
    assert_eq!(ring.current(&acme).await.expect("the other one").id(), &key_id("old"));
    ring.shred(&acme);
    assert!(ring.find(&acme, &key_id("old")).await.expect("no failure").is_none());
    assert!(ring.current(&acme).await.is_err() && ring.current(&tenant("other")).await.is_ok());
}
