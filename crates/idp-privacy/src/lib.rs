//! Encryption of payloads at rest and per target, crypto-shredding, masking.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod key;
mod key_ring;
mod memory_key_ring;
mod static_key_ring;
mod random;

mod subject;
mod jwe;
mod cipher;

mod encrypted;
mod encrypting_log;
mod encrypt;
mod decrypt;

mod mask;

pub use cipher::{Cipher, DecryptError};
pub use decrypt::Decrypt;
pub use encrypt::Encrypt;
pub use encrypted::{Encrypted, SHREDDED};
pub use encrypting_log::EncryptingLog;
pub use key::{Key, KeyId};
pub use key_ring::KeyRing;
pub use mask::{Mask, MaskAction, MaskKey, Place};
pub use memory_key_ring::MemoryKeyRing;
pub use random::{Random, SystemRandom};
pub use static_key_ring::StaticKeyRing;
pub use subject::Subject;
