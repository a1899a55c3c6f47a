//! Who is calling: bearer tokens (RFC 6750) that are signed JWTs (RFC 7519), checked as the best
//! current practice for them (RFC 8725) says.

mod authenticator;
mod caller;
mod claims;
mod compact_jws;
mod denial;
mod dev_issuer;
mod tenant_choice;
mod verification_key;

pub use authenticator::{Authenticator, InvalidAuthenticator};
pub use caller::Caller;
pub use dev_issuer::DevIssuer;
pub use verification_key::{InvalidKey, VerificationKey};
