//! The signed form of a token: JWS compact serialization (RFC 7515, section 7.1).

use super::VerificationKey;
use super::denial::InvalidToken;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

/// A longer token is not looked at.
const BYTES_MAX: usize = 8 * 1024;

/// The members of the header that decide anything. A member that stands twice is an error.
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    crit: Option<serde_json::Value>,
}

impl Header {
    /// Tokens say that they are JWTs or access tokens (RFC 9068), or say nothing. Other types,
    /// such as a logout token of the same issuer, are not for us (RFC 8725, section 3.11).
    fn has_acceptable_type(&self) -> bool {
        let Some(typ) = &self.typ else { return true };
        let typ = typ.to_ascii_lowercase();
        ["jwt", "at+jwt"].contains(&typ.strip_prefix("application/").unwrap_or(&typ))
    }
}

/// The payload of the token, if one of the keys signed it.
///
/// The algorithm is the key's, never the token's choice: a header that names another is refused
/// (RFC 8725, section 3.1), so `none` cannot be said.
pub(super) fn verified_payload(
    token: &str,
    keys: &[VerificationKey],
) -> Result<Vec<u8>, InvalidToken> {
    if token.len() > BYTES_MAX {
        return Err(InvalidToken("it is too long"));
    }
    let malformed = InvalidToken("it is not header.payload.signature in base64url");
    let (message, signature) = token.rsplit_once('.').ok_or(malformed)?;
    let (header, payload) = message.split_once('.').ok_or(malformed)?;
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);

    let header: Header = serde_json::from_slice(&header)
        .map_err(|_| InvalidToken("its header is not a JWS header"))?;
    if header.crit.is_some() {
        return Err(InvalidToken("its header has critical extensions"));
    }
    if !header.has_acceptable_type() {
        return Err(InvalidToken("it is a token of another type"));
    }
    let mut keys = keys.iter().filter(|key| key.algorithm() == header.alg).peekable();
    if keys.peek().is_none() {
        return Err(InvalidToken("its algorithm is not the configured one"));
    }
    if keys.any(|key| key.verifies(message.as_bytes(), &signature)) {
        Ok(payload)
    } else {
        Err(InvalidToken("its signature does not fit"))
    }
}

/// Encodes one part of a token.
pub(super) fn encode(part: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.4: the message is not a JWT, which this level does not care about.
    #[test]
    fn the_example_of_rfc_8037_verifies() {
        let public = BASE64_URL_SAFE_NO_PAD
            .decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
            .expect("base64url");
        let key = VerificationKey::ed25519(&public.try_into().expect("32 bytes")).expect("a key");
        let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
            hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_\
            MuM0KAg";
        let payload = verified_payload(token, &[key]).expect("it verifies");
        assert_eq!(payload, b"Example of Ed25519 signing");
    }

    /// RFC 7515, appendix A.1.
    #[test]
    fn the_example_of_rfc_7515_verifies() {
        let secret = BASE64_URL_SAFE_NO_PAD
            .decode(
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75\
                 aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
            )
            .expect("base64url");
        let key = VerificationKey::hs256(&secret).expect("long enough");
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
            eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
            cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(verified_payload(token, &[key]).is_ok());
    }
}
