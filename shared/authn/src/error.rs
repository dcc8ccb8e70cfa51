use proto::common::v1::ErrorReason;
use tonic::{Code, Status};

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// The call has no `authorization` header.
    #[error("the call carries no token")]
    Missing,
    /// The header is not one `Bearer` token, or the token is not a JWT.
    #[error("the token is malformed")]
    Malformed,
    /// Longer than [`crate::TOKEN_BYTES_MAX`].
    #[error("the token is longer than {} bytes", crate::TOKEN_BYTES_MAX)]
    TooLong,
    /// No known key has its `kid`, or it has none.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// Its `alg` is not the key's.
    #[error("the token's algorithm is not its key's")]
    Algorithm,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    Signature,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is still to come.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// A claim is absent, of the wrong type, or has a value that is not accepted.
    #[error("the token's claim `{0}` is missing or not acceptable")]
    Claim(&'static str),
    /// A token of the development issuer, outside development.
    #[error("the token is for development only")]
    Development,
}

impl From<InvalidToken> for Status {
    fn from(error: InvalidToken) -> Self {
        let refusal = status::refuse(Code::Unauthenticated, ErrorReason::TokenInvalid, error.to_string());
        match error {
            InvalidToken::Claim(name) => refusal.with("claim", name),
            InvalidToken::TooLong => refusal.with("limit_bytes", crate::TOKEN_BYTES_MAX),
            _ => refusal,
        }
        .into()
    }
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A setting is missing or out of range.
    #[error("the setting authn.{0} {1}")]
    Setting(&'static str, &'static str),
    /// The file cannot be read.
    #[error("the key file {0} cannot be read")]
    File(String, #[source] std::io::Error),
    /// The address does not answer with the keys.
    #[error("the keys cannot be fetched from {0}")]
    Fetch(String, #[source] reqwest::Error),
    /// The answer or file is larger than a key set can be.
    #[error("the key set is larger than {0} bytes")]
    TooLarge(usize),
    /// Not a JWKS.
    #[error("the key set is not valid JSON of the form {{\"keys\": [...]}}")]
    Json(#[source] serde_json::Error),
    /// No key in it can be used.
    #[error("the key set holds no signature key with a kid for EdDSA (Ed25519), ES256 or RS256")]
    NoUsableKey,
    /// Signing and verifying does not work in this build.
    #[error("the self-test of the signature library failed")]
    SelfTest(#[source] jsonwebtoken::errors::Error),
}
