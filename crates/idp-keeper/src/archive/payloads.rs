//! Which payloads an archive takes.

use idp_application::{Error, ErrorKind};
use idp_domain::Envelope;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Which payloads an archive takes. It is kept for years, and often elsewhere: say what is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchivedPayloads {
    /// As the log gives them. What is in clear there is in clear in the archive, for as long as that is
    /// kept, whatever becomes of the keys of a tenant.
    ClearText,
    /// Only encrypted ones (JSON Web Encryption in its flattened form, RFC 7516), and `null`. One in clear is refused,
    /// and holds the log: that is what happens when a wrapper that decrypts is taken for the log.
    Encrypted,
}

impl ArchivedPayloads {
    /// Fails with [`Invalid`](ErrorKind::Invalid) when the payload may not go into the archive.
    pub(crate) fn check(self, event: &Envelope) -> Result<(), Error> {
        if self == Self::ClearText || says_nothing(&event.payload) {
            return Ok(());
        }
        let message = format!(
            "event {} of tenant `{}` is in clear, and this archive takes encrypted payloads only",
            event.event_id, event.tenant
        );
        Err(Error::new(ErrorKind::Invalid, "archive the log", message))
    }
}

/// Whether it says nothing to who has no key.
fn says_nothing(payload: &str) -> bool {
    payload == "null" || serde_json::from_str::<Encryption>(payload).is_ok()
}

/// What makes a document one (RFC 7516, section 7.2.2).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Encryption {
    #[serde(rename = "protected")]
    _protected: String,
    #[serde(rename = "header")]
    _header: IgnoredAny,
    #[serde(rename = "encrypted_key")]
    _encrypted_key: String,
    #[serde(rename = "iv")]
    _iv: String,
    #[serde(rename = "ciphertext")]
    _ciphertext: String,
    #[serde(rename = "tag")]
    _tag: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_clear_is_told_from_what_is_not() {
        let encrypted = r#"{"protected":"e30","header":{"kid":"k1"},"encrypted_key":"AA","iv":"AA",
            "ciphertext":"AA","tag":"AA"}"#;
        assert!(says_nothing(encrypted) && says_nothing("null"));
        let with_more = encrypted.replacen('{', r#"{"name":"Ann","#, 1);
        for clear in ["{}", r#""text""#, "7", r#"{"ciphertext":"AA"}"#, &with_more, "{"] {
            assert!(!says_nothing(clear), "{clear}");
        }
    }
}
